"""A class in a real browser: every page under axe, at both widths, in light and in dark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from sqlalchemy.orm import Session

from quizserver.accounts import store as people
from quizserver.accounts.passwords import hash_password
from quizserver.classes import instructors_store as instructors
from quizserver.classes import join_codes
from quizserver.classes import join_store as joining
from quizserver.classes import members_store as members
from quizserver.classes import store as classes
from quizserver.db.session import Database
from quizserver.db.tables import person
from tests.browser.accessibility import find_violations
from tests.browser.looks import LOOKS
from tests.serve.server import Server

PASSWORD = "correct horse"
NOW = datetime.now(UTC)
TEACHER, LEARNER, NEW = "instructor@example.org", "learner@example.org", "new@example.org"
LONGEST = f"{'l' * 60}@example.org"
AS_TEACHER = ["", "/roster", "/settings", "/delete"]
AS_LEARNER = ["", "/leave"]


@dataclass(frozen=True)
class School:
    """A server; the addresses of a class and of one whose title and names are very long."""

    url: str
    class_: str
    long: str
    code: str
    long_code: str
    longest_id: int


@pytest.fixture(scope="session")  # what it makes stays on the shared server
def school(server: Server, store: Database) -> School:
    """A class of two topics, two instructors and members in every state."""
    hashed = hash_password(PASSWORD)
    with store.write() as session:
        teacher = account(session, TEACHER, "instructor", hashed)
        account(session, "a-colleague-with-a-long-address@department.example.org", "instructor")
        class_ = classes.create_class(session, "Why training goes wrong, spring 2027", teacher, NOW)
        instructors.promote_to_instructor(
            session, class_.id, "a-colleague-with-a-long-address@department.example.org", NOW
        )
        due = [NOW + timedelta(days=30), NOW - timedelta(days=3)]
        classes.set_class_topics(
            session,
            class_.id,
            [("strange-loss", due[0]), ("plateau", due[1]), ("taken-away", None)],
        )
        for number in range(30):
            who = account(session, f"l{number}@example.org", "author" if number == 3 else "learner")
            joining.join_class(
                session, class_.id, who, f"Learner {number}" if number % 4 else "", NOW
            )
            if number % 10 == 5:
                members.leave_class(session, class_.id, who, NOW)
            if number % 10 == 7:
                members.remove_learner(session, class_.id, who, NOW)
        joining.join_class(
            session, class_.id, account(session, LEARNER, "learner", hashed), "Ana", NOW
        )
        account(session, NEW, "learner", hashed)
        long = classes.create_class(session, "W" * 200, teacher, NOW)
        classes.set_class_topics(session, long.id, [("strange-loss", None)])
        longest = account(session, LONGEST, "learner", hashed)
        joining.join_class(session, long.id, longest, "M" * 100, NOW)
    assert class_.join_code is not None
    assert long.join_code is not None
    return School(
        server.url,
        f"/classes/{class_.id}",
        f"/classes/{long.id}",
        join_codes.format_code(class_.join_code),
        long.join_code,
        longest,
    )


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_no_violation_and_nothing_stands_out_of_the_page(
    chromium: Browser, school: School, scheme: str, width: int
):
    found: list[str] = []
    for email, addresses in (
        (TEACHER, ["/classes", "/classes/new", *(school.class_ + part for part in AS_TEACHER)]),
        (LEARNER, ["/classes", "/join", *(school.class_ + part for part in AS_LEARNER)]),
        (NEW, [f"/join/{school.code}", "/join/CDF-GHJ-KMN"]),
        (None, [f"/join/{school.code}"]),
    ):
        context = chromium.new_context(
            base_url=school.url,
            color_scheme=scheme,
            reduced_motion="reduce",
            viewport={"width": width, "height": 900},
        )
        page = context.new_page()
        if email is not None:
            sign_in(page, email)
        for address in addresses:
            page.goto(address)
            found += [f"{address}: {each}" for each in faults(page)]
        context.close()
    assert found == []


def test_the_longest_title_and_name_make_no_page_wider_than_a_phone(
    chromium: Browser, school: School
):
    parts = ["", "/matrix", "/roster", "/settings", "/delete", "/items", "/teach"]
    parts += [
        f"/learners/{school.longest_id}",
        f"/learners/{school.longest_id}/questions/strange-loss",
    ]
    wide: dict[str, int] = {}
    for email, addresses in (
        (TEACHER, ["/classes", *(f"{school.long}{part}" for part in parts)]),
        (LONGEST, ["/classes", school.long, f"{school.long}/leave"]),
        (NEW, [f"/join/{school.long_code}"]),
    ):
        page = visit(chromium, school, email, viewport={"width": 360, "height": 800})
        for address in addresses:
            page.goto(address)
            wide[address] = page.evaluate("document.documentElement.scrollWidth")
        page.context.close()
    assert {address: width for address, width in wide.items() if width > 360} == {}


def test_a_due_date_is_written_and_read_on_the_browsers_own_clocks(
    chromium: Browser, school: School
):
    teacher = visit(chromium, school, TEACHER, timezone_id="Asia/Tokyo")
    teacher.goto(f"{school.class_}/settings")
    expect(teacher.locator("#clocks")).to_have_value("Asia/Tokyo")
    teacher.get_by_label("Due for Reading a loss curve").fill("2031-03-01T23:59")
    teacher.get_by_role("button", name="Save topics and due dates").click()
    expect(teacher.get_by_label("Due for Reading a loss curve")).to_have_value("2031-03-01T23:59")
    learner = visit(chromium, school, LEARNER, timezone_id="America/New_York")
    learner.goto(school.class_)
    expect(learner.locator("#main")).to_contain_text("1 March 2031, 09:59 UTC−05:00")
    for page in (teacher, learner):
        page.context.close()


def test_a_date_written_before_the_script_came_is_not_lost_to_other_clocks(
    chromium: Browser, school: School
):
    page = visit(chromium, school, TEACHER, timezone_id="Asia/Tokyo")
    held: list[Route] = []
    page.route("**/js/classes.js", lambda route: held.append(route))
    page.goto(f"{school.class_}/settings", wait_until="commit")
    page.get_by_label("Due for Reading a loss curve").fill("2031-03-01T23:59")
    held[0].continue_()
    page.wait_for_load_state()
    expect(page).to_have_url(f"{school.url}{school.class_}/settings")
    expect(page.get_by_label("Due for Reading a loss curve")).to_have_value("2031-03-01T23:59")
    page.context.close()


def test_a_class_is_made_once_by_a_double_click(chromium: Browser, school: School):
    page = visit(chromium, school, TEACHER)
    page.goto("/classes/new")
    page.get_by_label("Title").fill("Pressed twice")
    sent: list[str] = []
    page.on("request", lambda asked: sent.append(asked.url) if asked.method == "POST" else None)
    page.get_by_role("button", name="Create class").evaluate(
        "button => { const press = () => button.form.requestSubmit(button);"
        " press(); setTimeout(press); }"
    )
    expect(page.get_by_role("heading", name="Pressed twice")).to_be_visible()
    assert len(sent) == 1
    page.context.close()


def test_topics_are_moved_by_keyboard_alone_and_enter_in_a_date_moves_none(
    chromium: Browser, school: School
):
    page = visit(chromium, school, TEACHER, timezone_id="UTC")
    page.goto(f"{school.class_}/settings")
    names = page.locator(".topic-name")
    before = names.all_inner_texts()
    page.get_by_label("Due for Reading a loss curve").press("Enter")
    expect(page.locator(".messages")).to_contain_text("The topics are saved")
    assert names.all_inner_texts() == before
    page.get_by_role("button", name="Move Reading a loss curve down").press("Enter")
    expect(names.nth(1)).to_have_text(before[0])
    page.get_by_role("button", name="Move Reading a loss curve up").press("Enter")
    expect(names.nth(0)).to_have_text(before[0])
    page.context.close()


def test_without_scripts_a_learner_joins_and_due_dates_name_utc(chromium: Browser, school: School):
    page = visit(chromium, school, NEW, java_script_enabled=False)
    page.goto(f"/join/{school.code}")
    page.get_by_label("Your name in this class").fill("Newcomer")
    page.get_by_role("button", name="Join the class").click()
    expect(page.locator(".messages")).to_contain_text("You are in")
    expect(page.locator(".due").first).to_contain_text(" UTC")
    page.get_by_role("link", name="Leave this class").click()
    page.get_by_role("button", name="Leave").click()
    expect(page.locator("#main")).to_contain_text("you left")
    page.context.close()


def visit(chromium: Browser, school: School, email: str, **options: object) -> Page:
    """A page of a browser in which that account is signed in."""
    context: BrowserContext = chromium.new_context(
        base_url=school.url,
        reduced_motion="reduce",
        **options,  # type: ignore[arg-type]
    )
    page = context.new_page()
    sign_in(page, email)
    return page


def sign_in(page: Page, email: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


def faults(page: Page) -> list[str]:
    found = find_violations(page)
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return found + ([f"{wide} px too wide"] if wide > 0 else [])


def account(session: Session, email: str, role: str, hashed: str = "no password fits") -> int:
    made = people.ensure_guest(session, people.new_visitor_token())
    people.register_account(session, made.id, email, hashed)
    session.execute(sa.update(person).where(person.c.id == made.id).values(role=role))
    return made.id
