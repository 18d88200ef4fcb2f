// Sends an image from the editor and puts its reference where the caret is.

import { post } from "./server.js";
import { usable } from "./usable.js";

export function imageForm(editor) {
  const form = editor.part("image");
  const complain = (words) => {
    const place = editor.part("image-error");
    place.textContent = words;
    place.hidden = !words;
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    complain("");
    const { files, dataset } = form.elements.image;
    const largest = Number(dataset.largest);
    if (files[0]?.size > largest) {
      complain(`An image may have ${(largest / 1024).toLocaleString("en")} KiB.`);
      return;
    }
    const button = form.querySelector("button");
    usable(button, false);
    try {
      const { name, markdown } = await post(form.action, new FormData(form));
      form.reset();
      editor.insert(markdown);
      editor.part("announce").textContent = `The image ${name} is in the text.`;
    } catch (error) {
      complain(error.lost ? `${error.message} Try again in a moment.` : error.message);
    } finally {
      usable(button, true);
    }
  });
}
