// @ts-check
// Sends an image from the editor and puts its reference where the caret is.

import { setEnabled } from "./disable-button.js";
import { findElement, findPart } from "./dom.js";
import { postJson, toServerError } from "./http.js";

/** @import { EditorHost } from "./types" */

/** @param {EditorHost} editor */
export function installImageForm(editor) {
  const form = findPart(document, "image", HTMLFormElement);
  const error = findPart(document, "image-error", HTMLElement);
  const input = findElement(form, 'input[name="image"]', HTMLInputElement);
  const button = findElement(form, "button", HTMLButtonElement);
  /** @param {string} message what is wrong; empty when nothing is */
  const showError = (message) => {
    error.textContent = message;
    error.hidden = !message;
  };
  const upload = async () => {
    showError("");
    const largest = Number(input.dataset.largest);
    const file = input.files?.[0];
    if (file && file.size > largest) {
      showError(`An image may have ${(largest / 1024).toLocaleString("en")} KiB.`);
      return;
    }
    setEnabled(button, false);
    try {
      /** @type {{ name: string, markdown: string }} */
      const { name, markdown } = await postJson(form.action, new FormData(form));
      form.reset();
      editor.insertText(markdown);
      editor.announce(`The image ${name} is in the text.`);
    } catch (thrown) {
      const { lost, message } = toServerError(thrown);
      showError(lost ? `${message} Try again in a moment.` : message);
    } finally {
      setEnabled(button, true);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void upload();
  });
}
