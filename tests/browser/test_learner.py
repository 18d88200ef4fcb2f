"""A learner at a real browser: answer, see why, run, turn a knob, come back."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.serve.server import Server

QUESTION = "/questions/strange-loss"
ENDED = re.compile(r"Done|ended|seeds", re.I)


def run_and_wait(page: Page) -> None:
    page.locator("[data-part=run]").click()
    expect(page.locator("[data-part=csv]")).to_be_visible(timeout=60_000)
    expect(page.locator("[data-part=stop]")).to_be_disabled(timeout=60_000)


def test_an_answer_with_the_keyboard_alone(page: Page):
    page.goto(QUESTION)
    page.locator("body").press("Tab")
    expect(page.locator(":focus")).to_have_class("skip")
    boxes = page.locator("input[name=option]")
    boxes.first.focus()
    for index in range(boxes.count()):
        focused = page.locator(":focus")
        if focused.get_attribute("value") != "high-rate":
            focused.press("Space")
        if index < boxes.count() - 1:
            focused.press("Tab")
    page.locator(":focus").press("Tab")
    expect(page.locator(":focus")).to_have_text("Submit answer")
    page.locator(":focus").press("Enter")
    expect(page.locator("#result")).to_contain_text("Right at the first try")
    expect(page.locator("#result")).to_be_focused()


def test_each_option_shows_its_verdict_its_count_and_its_curve(answered: Page):
    outcomes = answered.locator(".outcomes > ol")
    expect(outcomes.locator("> .outcome")).to_have_count(4)
    assert outcomes.locator("svg").count() >= 4
    text = re.sub(r"\s+", " ", outcomes.inner_text())
    assert len(re.findall(r"supported · Plateau, then drop: 6[0-4] of 64 seeds", text)) >= 3
    assert re.search(r"refuted · Plateau, then drop: [0-3] of 64 seeds", text)


def test_a_run_arrives_live_and_stays_for_comparison(answered: Page):
    run_and_wait(answered)
    kept = answered.locator("[data-part=kept] li")
    before = kept.count()
    assert before >= 1
    answered.locator("[data-part=data] > summary").click()
    expect(answered.locator("[data-part=rows] tr").nth(10)).to_be_visible()
    number = answered.locator("[data-knob=learning_rate] [data-part=number]")
    number.fill("0.4")
    number.press("Tab")
    run_and_wait(answered)
    assert kept.count() == before + 1
    link = answered.locator("[data-part=link]").get_attribute("href")
    assert link is not None
    assert "0.4" in link


def test_a_setting_that_nobody_ran_is_trained_to_its_end(answered: Page):
    number = answered.locator("[data-knob=learning_rate] [data-part=number]")
    number.fill("1.23")
    number.press("Tab")
    answered.locator("[data-part=run]").click()
    progress = answered.locator("[data-part=progress]")
    expect(progress).to_have_attribute("aria-valuenow", "100", timeout=60_000)
    expect(answered.locator("[data-part=status]")).to_have_text("Done.")


def test_a_link_reproduces_the_exact_setting(answered: Page):
    number = answered.locator("[data-knob=weight_decay] [data-part=number]")
    number.fill("0.03")
    number.press("Tab")
    href = answered.locator("[data-part=link]").get_attribute("href")
    assert href is not None
    answered.goto("about:blank")
    answered.goto(QUESTION + href if href.startswith(("#", "?")) else href)
    expect(answered.locator("[data-knob=weight_decay] [data-part=number]")).to_have_value("0.03")


def test_a_knob_out_of_range_is_refused_beside_the_knob(answered: Page):
    number = answered.locator("[data-knob=learning_rate] [data-part=number]")
    number.fill("1e9")
    answered.locator("[data-part=run]").click()
    error = answered.locator("[data-knob=learning_rate] [data-part=error]")
    expect(error).to_be_visible()
    expect(error).to_contain_text("0.05")


def test_stop_ends_a_run_and_the_next_one_works(answered: Page):
    number = answered.locator("[data-knob=momentum] [data-part=number]")
    number.fill("0.5")
    answered.locator("[data-part=replicas]").fill("64")
    answered.locator("[data-part=run]").click()
    stop = answered.locator("[data-part=stop]")
    if stop.is_enabled():
        stop.click(timeout=5_000, force=True)
    expect(answered.locator("[data-part=run]")).to_be_enabled(timeout=30_000)
    number.fill("0.25")
    run_and_wait(answered)


def test_the_answer_is_there_after_a_reload_and_in_progress(answered: Page):
    answered.reload()
    expect(answered.locator("#result")).to_contain_text("Right at the first try")
    answered.goto("/progress")
    expect(answered.locator("main")).to_contain_text("1 of 1")


def test_signing_up_carries_everything_to_another_browser(
    answered: Page, chromium: Browser, server: Server
):
    answered.goto("/sign-up")
    answered.get_by_label("Email").fill("browser@example.org")
    answered.get_by_label("Password").fill("correct horse")
    answered.locator("main").get_by_role("button", name=re.compile("Sign up|account", re.I)).click()
    expect(answered.get_by_role("link", name="Account")).to_be_visible()
    elsewhere = chromium.new_context(base_url=server.url).new_page()
    elsewhere.goto("/sign-in")
    elsewhere.get_by_label("Email").fill("browser@example.org")
    elsewhere.get_by_label("Password").fill("correct horse")
    elsewhere.locator("main").get_by_role("button", name="Sign in").click()
    elsewhere.goto(QUESTION)
    expect(elsewhere.locator("#result")).to_be_visible()
    elsewhere.context.close()


def test_without_scripts_a_learner_answers_and_sees_the_recorded_curves(
    chromium: Browser, server: Server
):
    context = chromium.new_context(base_url=server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto(QUESTION)
    page.check("input[value=high-rate]")
    page.get_by_role("button", name="Show a hint").click()
    expect(page.locator(".hint")).to_have_count(1)
    expect(page.locator("input[value=high-rate]")).to_be_checked()
    page.get_by_role("button", name="Submit answer").click()
    expect(page.locator("#result")).to_contain_text("Not quite")
    expect(page.locator(".outcome")).to_have_count(1)  # what was chosen
    expect(page.locator("#bench svg[role=img]")).to_have_count(1)  # the curve, and no map
    page.locator(".show-answer > summary").click()
    page.get_by_role("button", name="Show me the answer").click()
    assert page.locator(".outcome .small-chart svg").count() >= 4
    expect(page.locator("#bench svg[role=img]")).to_be_visible()
    expect(page.locator("[data-part=run]")).to_be_hidden()
    page.get_by_role("link", name="Phase maps").click()
    pictures = page.locator(".map-figure svg[role=img]")
    expect(pictures).to_have_count(2)
    for picture in pictures.all():
        expect(picture).to_be_visible()
    page.go_back()
    page.locator(".why > summary").first.click()
    page.get_by_role("link", name="Single runs of").first.click()
    expect(page.locator(".outcome svg[role=img]").first).to_be_visible()
    expect(page.locator(".outcome path.replica").first).to_be_visible()
    context.close()


def test_a_double_click_on_submit_is_one_attempt(page: Page):
    page.goto(QUESTION)
    page.check("input[value=low-rate]")
    page.get_by_role("button", name="Submit answer").dblclick()
    page.wait_for_selector("#result")
    data = page.request.get("/account/data.json").json()
    assert len(data["attempts"]) == 1


def test_nothing_is_loaded_from_elsewhere(page: Page, server: Server):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(QUESTION)
    page.check("input[value=low-rate]")
    page.get_by_role("button", name="Submit answer").click()
    page.wait_for_selector("#result")
    page.wait_for_load_state("networkidle")
    foreign = [url for url in asked if not url.startswith((server.url, "data:", "blob:"))]
    assert foreign == []


def test_no_page_scrolls_sideways(answered: Page):
    for address in ("/", QUESTION, QUESTION + "?again=1", "/topics/strange-loss", "/progress"):
        answered.set_viewport_size({"width": 320, "height": 800})
        answered.goto(address)
        for width in (320, 360, 768, 1280):
            answered.set_viewport_size({"width": width, "height": 800})
            wide = answered.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0, (address, width)


def test_two_tabs_are_one_attempt(context: BrowserContext):
    first, second = context.new_page(), context.new_page()
    for tab in (first, second):
        tab.goto(QUESTION)
    for tab in (first, second):
        tab.check("input[value=low-rate]")
        tab.get_by_role("button", name="Submit answer").click()
        tab.wait_for_selector("#result")
    data = first.request.get("/account/data.json").json()
    assert len(data["attempts"]) == 1


def test_a_typed_password_can_be_shown_with_the_keyboard_and_is_hidden_when_it_is_sent(page: Page):
    page.goto("/sign-up")
    field = page.get_by_label("Password", exact=True)
    button = page.get_by_role("button", name="Show password")
    field.fill("short")
    button.focus()
    page.keyboard.press("Space")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(field).to_have_attribute("type", "text")
    page.keyboard.press("Space")
    expect(field).to_have_attribute("type", "password")
    button.click()
    page.evaluate(
        "document.forms[0].addEventListener('submit', (event) => {"
        " event.preventDefault(); window.sentAs = document.querySelector('#password').type })"
    )
    field.press("Enter")
    assert page.evaluate("window.sentAs") == "password"


def test_without_scripts_a_password_field_has_no_button_that_does_nothing(
    chromium: Browser, server: Server
):
    context = chromium.new_context(base_url=server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/sign-up")
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "password")
    expect(page.get_by_role("button", name="Show")).to_have_count(0)
    context.close()
