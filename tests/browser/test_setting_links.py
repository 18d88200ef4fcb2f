"""Links to a setting of a question's bench: before the answer, and after it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import RIGHT

LINK = "/questions/strange-loss#run=arm:low-rate,learning_rate:0.5,seeds:0:16"


def answer_rightly(page: Page) -> None:
    for option in RIGHT:
        page.check(f"input[value={option}]")
    page.get_by_role("button", name="Submit answer").click()


def test_a_link_that_came_before_the_answer_is_followed_after_it(page: Page):
    page.goto(LINK)
    expect(page.locator(".notice")).to_contain_text("opens at the bench, once you have answered")
    answer_rightly(page)
    number = page.locator("[data-knob=learning_rate] [data-part=number]")
    expect(number).to_have_value("0.5")
    expect(page.locator("[data-part=live-words]")).to_contain_text("Trained in your browser")
    expect(page.locator("[data-part=caption]")).to_contain_text("The median goes from")
    page.goto("/questions/strange-loss?again=1")
    answer_rightly(page)
    page.wait_for_selector("#result")
    expect(number).not_to_have_value("0.5")


def test_maps_on_request_can_be_asked_for_when_they_are_opened(answered: Page):
    answered.locator("[data-part=map] > summary").click()
    expect(answered.locator("[data-map='0']")).to_be_visible()
    expect(answered.locator("[data-part=map-compute]")).to_be_enabled()
    answered.select_option("[data-part=map-y]", "init_scale")
    answered.locator("[data-part=map-compute]").click()
    expect(answered.locator("[data-map=live] [data-part=map-sentence]")).to_contain_text(
        "cells", timeout=90_000
    )


def test_a_turned_curve_is_ink_and_leaves_the_arms_their_colours(answered: Page):
    answered.locator(".small-chart").first.click()
    shown = answered.locator(".small-chart[aria-current]")
    expect(shown).to_have_count(1)
    expect(answered.locator("[data-part=kept] li")).to_have_count(1)
    colour = answered.locator("[data-part=kept] li").get_attribute("class")
    answered.locator("[data-knob=momentum] [data-part=number]").fill("0.3")
    rows = answered.locator("[data-part=kept] li")
    expect(rows).to_have_count(2)
    expect(rows.first).to_have_class("arm-own")
    assert rows.nth(1).get_attribute("class") == colour
    expect(shown).to_have_count(0)
