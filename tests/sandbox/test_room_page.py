"""The room in a real browser: device check, a call, and every way it ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from starlette.applications import Starlette

from lib.sandbox.room import routes as room
from tests.sandbox_server import RunningSandbox, eventually, serve

pytestmark = pytest.mark.browser

NASTY = "<img src=x onerror=alert(1)>"
REFUSED = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError') }"


class Visitor:
    """Somebody with a browser. What the page asks for and complains about is written down."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        context.on("request", lambda request: self.asked.append(f"{request.method} {request.url}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda told: self.complaints.append(told.text) if told.type == "error" else None)
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    def visit(self, url: str) -> Visitor:
        self.page.goto(url)
        expect(self.join).to_be_focused()
        return self

    def enter(self, url: str) -> Visitor:
        self.visit(url)
        self.page.keyboard.press("Enter")
        expect(self.field).to_be_visible()
        return self

    def say(self, text: str) -> None:
        self.field.fill(text)
        self.field.press("Enter")

    def button(self, name: str) -> Locator:
        return self.page.locator("#live").get_by_role("button", name=name, exact=True)

    @property
    def join(self) -> Locator:
        return self.page.get_by_role("button", name="Join", exact=True)

    @property
    def field(self) -> Locator:
        return self.page.get_by_placeholder(re.compile("Write to"))

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def title(self) -> Locator:
        return self.page.locator("#ended-title")


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """`visitor()` is a new one; arguments go to the browser's context, `script` runs before the page's own."""
    contexts: list[BrowserContext] = []

    def make(*, script: str = "", permissions: Sequence[str] = ("camera", "microphone"), **options: Any) -> Visitor:
        context = browser.new_context(permissions=list(permissions), **options)
        contexts.append(context)
        if script:
            context.add_init_script(script)
        return Visitor(context)

    yield make
    for context in contexts:
        context.close()


def url_of(box: RunningSandbox, **fields: Any) -> str:
    return f"{box.url}/room/{box.create(**fields)['conversation_id']}"


def wide(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_a_call_from_join_to_leave_without_a_complaint_or_a_request_outside(
    box: RunningSandbox, visitor: Callable[..., Visitor]
) -> None:
    made = box.create(properties={"participant_left_timeout": 0})
    person = visitor().enter(made["conversation_url"])
    expect(person.field).to_be_focused()
    expect(person.log).to_contain_text("Hello, I'm Anna.")
    expect(person.page.locator("#caption")).to_contain_text("Hello")
    expect(person.page.get_by_text("Sandbox: a drawn stand-in, nothing is billed").nth(1)).to_be_visible()
    person.say("How does it work?")
    expect(person.log).to_contain_text("You said: How does it work?")
    expect(person.field).to_have_value("")
    for _ in range(90):
        if any(asked.endswith("/beat") for asked in person.asked):
            break
        person.page.wait_for_timeout(100)
    assert any(asked.endswith("/beat") for asked in person.asked), "nobody says that somebody is there"
    person.button("Leave the call").click()
    expect(person.title).to_have_text("The room has closed")
    expect(person.page.get_by_role("button", name="Join again")).to_be_hidden()
    assert person.complaints == []
    assert [asked for asked in person.asked if box.url not in asked] == []
    said = eventually(
        lambda: next(
            (
                one
                for one in box.conversation(made["conversation_id"])["events"]
                if one["event_type"] == "application.transcription_ready"
            ),
            None,
        )
    )
    spoken = [turn["content"] for turn in said["properties"]["transcript"] if turn["role"] != "system"]
    assert spoken[1:] == ["How does it work?", "You said: How does it work?"]


def test_without_camera_and_microphone_it_says_what_was_refused_and_joins(
    box: RunningSandbox, visitor: Callable[..., Visitor]
) -> None:
    person = visitor(script=REFUSED).visit(url_of(box))
    told = person.page.locator("#nobody-why")
    expect(told).to_contain_text("Camera and microphone: refused. You can still join")
    expect(person.page.get_by_role("list", name="Device check")).to_contain_text("refused")
    person.join.click()
    person.say("Can you read me?")
    expect(person.log).to_contain_text("You said: Can you read me?")


def test_names_are_text_in_the_device_check_and_in_the_call(
    box: RunningSandbox, visitor: Callable[..., Visitor]
) -> None:
    fields = {"persona_name": NASTY, "system_prompt": "You are kind.", "greeting": f"I am {NASTY}"}
    persona = box.call("POST", "/personas", fields).json()["persona_id"]
    person = visitor().visit(url_of(box, persona_id=persona, replica_id="r90bbd427f71", conversation_name=NASTY))
    expect(person.page.locator("#part")).to_have_text(NASTY)
    person.join.click()
    expect(person.log).to_contain_text(f"I am {NASTY}")
    person.say(NASTY)
    expect(person.log).to_contain_text(f"You said: {NASTY}")
    assert person.complaints == []


def test_a_failed_answer_is_said_in_place_and_what_was_typed_is_not_lost(
    box: RunningSandbox, visitor: Callable[..., Visitor]
) -> None:
    replies: list[Any] = [RuntimeError("no"), "At last."]

    def reply(*_: Any) -> str:
        answer = replies.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    conversation_id = box.create()["conversation_id"]
    with serve(Starlette(routes=room.routes(box.inside.calls, reply))) as url:
        person = visitor().enter(f"{url}/room/{conversation_id}")
        person.say("Hello?")
        alert = person.page.get_by_role("alert").filter(has_text="could not answer")
        expect(alert).to_be_visible()
        expect(person.field).to_have_value("Hello?")
        person.button("Try again").click()
        expect(person.log).to_contain_text("At last.")
        expect(alert).to_be_hidden()
        expect(person.field).to_have_value("")
        assert person.log.locator("li.user").count() == 1
        person.page.close()


def test_while_an_answer_is_awaited_it_thinks_and_keeps_what_is_typed(
    box: RunningSandbox, visitor: Callable[..., Visitor]
) -> None:
    person = visitor().enter(url_of(box))
    held: list[Any] = []
    person.page.route("**/say", lambda route: held.append(route))
    person.say("First")
    expect(person.page.locator("#mode")).to_have_text("Thinking")
    person.say("Second")
    expect(person.page.get_by_role("status").filter(has_text="still thinking")).to_be_visible()
    expect(person.field).to_have_value("Second")
    held[0].continue_()
    expect(person.log).to_contain_text("You said: First")
    expect(person.field).to_have_value("Second")


def test_a_message_that_is_too_long_is_neither_cut_nor_sent(
    box: RunningSandbox, visitor: Callable[..., Visitor]
) -> None:
    person = visitor().enter(url_of(box))
    long = "word " * 1000
    person.say(long)
    told = "A message has up to 2,000 characters; this one has 4,999. It stays here."
    expect(person.page.locator("#note")).to_have_text(told)
    expect(person.field).to_have_value(long)
    assert person.log.get_by_text("word").count() == 0
    person.say("Short")
    expect(person.log).to_contain_text("You said: Short")


def test_keys_mute_switch_the_camera_and_captions_once_the_field_is_left(
    box: RunningSandbox, visitor: Callable[..., Visitor]
) -> None:
    person = visitor().enter(url_of(box))
    expect(person.button("Mute")).to_be_visible()
    person.page.keyboard.type("mvc")
    expect(person.field).to_have_value("mvc")
    for key in ("Escape", "m", "v", "c"):
        person.page.keyboard.press(key)
    expect(person.button("Unmute")).to_be_visible()
    expect(person.button("Turn camera on")).to_be_visible()
    expect(person.button("Captions")).to_have_attribute("aria-pressed", "false")
    expect(person.page.locator("#caption")).to_be_hidden()
    person.button("Captions").click()
    expect(person.page.locator("#caption")).to_be_visible()
    person.page.keyboard.press("v")
    expect(person.button("Turn camera off")).to_be_visible()


def test_the_mouth_moves_while_it_speaks_and_rests_afterwards(
    box: RunningSandbox, visitor: Callable[..., Visitor]
) -> None:
    person = visitor().enter(url_of(box, custom_greeting="Hello, I am here for you."))
    seen = person.page.evaluate(
        """async () => {
            const lips = document.querySelector(".f-lips"), head = document.querySelector(".f-head");
            const shapes = new Set(), poses = new Set();
            for (let i = 0; i < 25; i += 1) {
                await new Promise((done) => setTimeout(done, 40));
                shapes.add(lips.getAttribute("d"));
                poses.add(head.getAttribute("transform"));
            }
            return [shapes.size, poses.size];
        }"""
    )
    assert min(seen) > 8
    expect(person.page.locator("#mode")).to_have_text("Listening", timeout=12_000)
    expect(person.page.locator(".f-inner")).to_have_attribute("d", "")


def test_with_reduced_motion_only_mouth_and_eyelids_move(box: RunningSandbox, visitor: Callable[..., Visitor]) -> None:
    person = visitor(reduced_motion="reduce").enter(url_of(box))
    expect(person.page.locator("#mode")).to_have_text("Speaking")
    rest = person.page.locator(".f-lips").get_attribute("d")
    person.page.wait_for_timeout(400)
    assert person.page.locator(".f-lips").get_attribute("d") != rest
    assert person.page.locator(".f-head").get_attribute("transform") is None
    assert person.page.locator(".f-body").get_attribute("transform") is None


def test_who_leaves_may_come_back_while_the_room_is_open(box: RunningSandbox, visitor: Callable[..., Visitor]) -> None:
    person = visitor().enter(url_of(box, properties={"participant_left_timeout": 60}))
    person.say("I will be back")
    expect(person.log).to_contain_text("You said: I will be back")
    person.button("Leave the call").click()
    expect(person.title).to_have_text("You left the call")
    person.page.get_by_role("button", name="Join again").click()
    expect(person.log).to_contain_text("You said: I will be back")
    assert person.log.locator("li").count() == 3


def test_who_left_reads_how_long_the_room_stays_open(box: RunningSandbox, visitor: Callable[..., Visitor]) -> None:
    person = visitor().enter(url_of(box, properties={"participant_left_timeout": 45}))
    box.freeze()
    person.button("Leave the call").click()
    expect(person.page.locator("#closes")).to_have_text("It closes in 0:44.")
    box.advance(30)
    expect(person.page.locator("#closes")).to_have_text("It closes in 0:14.")
    box.advance(30)
    expect(person.title).to_have_text("The room has closed")
    expect(person.page.locator("#closes")).to_be_hidden()


def test_the_join_key_leads_into_the_field_also_on_a_device_without_a_mouse(
    box: RunningSandbox, visitor: Callable[..., Visitor]
) -> None:
    person = visitor(has_touch=True, is_mobile=True).enter(url_of(box))
    person.page.keyboard.type("move")
    expect(person.field).to_have_value("move")
    expect(person.button("Mute")).to_be_visible()


def test_in_a_frame_it_takes_the_focus_at_join_only_and_never_scrolls_the_page_around(
    box: RunningSandbox, visitor: Callable[..., Visitor]
) -> None:
    person = visitor(viewport={"width": 800, "height": 500})
    around = f"{box.url}/around"
    frame = f'<iframe src="{url_of(box)}" width="700" height="600"></iframe>'
    body = f'<input id="outside" autofocus><p style="height: 200px"></p>{frame}'
    person.page.route(around, lambda route: route.fulfill(body=body, content_type="text/html"))
    person.page.goto(around)
    inside = person.page.frame_locator("iframe")
    expect(inside.locator("#waits")).not_to_be_empty()
    expect(person.page.locator("#outside")).to_be_focused()
    assert person.page.evaluate("scrollY") == 0
    join = person.page.frames[1].get_by_role("button", name="Join", exact=True)
    person.page.keyboard.press("Tab")
    person.page.frames[1].evaluate("document.getElementById('join').focus({ preventScroll: true })")
    before = person.page.evaluate("scrollTo(0, 20), scrollY")
    join.press("Enter", no_wait_after=True)
    expect(inside.locator("#say")).to_be_focused()
    assert person.page.evaluate("scrollY") == before


def test_a_lost_connection_has_a_place_of_its_own_and_says_for_how_long(
    box: RunningSandbox, visitor: Callable[..., Visitor]
) -> None:
    person = visitor(viewport={"width": 390, "height": 600}).enter(url_of(box))
    link = person.page.locator("#link")
    expect(link).to_be_hidden()
    person.page.route("**/state*", lambda route: route.abort())
    expect(link).to_contain_text(
        re.compile(r"No connection to the sandbox\. Trying again for 0:0\d; if the sandbox runs, the call goes on")
    )
    ends = person.page.evaluate("document.getElementById('link').getBoundingClientRect().bottom")
    assert person.page.evaluate("document.getElementById('stage').getBoundingClientRect().top") >= ends
    person.page.unroute("**/state*")
    expect(link).to_be_hidden()


@pytest.mark.parametrize("script", ["", REFUSED], ids=["devices", "no devices"])
@pytest.mark.parametrize("width", [320, 390])
def test_on_a_phone_the_device_check_needs_no_scrolling(
    box: RunningSandbox, visitor: Callable[..., Visitor], width: int, script: str
) -> None:
    person = visitor(script=script, viewport={"width": width, "height": 600}).visit(url_of(box))
    row = person.page.locator("#rows li").last
    expect(row).to_contain_text("shown as captions (this browser has no voices)")
    expect(row).to_be_in_viewport(ratio=1)
    assert person.page.evaluate("(it => it.scrollHeight - it.clientHeight)(document.getElementById('lobby'))") <= 0


@pytest.mark.parametrize(
    ("seconds", "title"), [(700, "Nobody joined in time"), (0, "The session was ended")], ids=["absent", "ended"]
)
def test_a_room_that_closes_before_anyone_joined_says_why(
    box: RunningSandbox, visitor: Callable[..., Visitor], seconds: float, title: str
) -> None:
    made = box.create()
    person = visitor().visit(made["conversation_url"])
    if seconds:
        box.advance(seconds)
    else:
        box.call("POST", f"/conversations/{made['conversation_id']}/end")
    expect(person.title).to_have_text(title)
    expect(person.join).to_be_hidden()


def test_a_call_that_is_over_time_ends_calmly(box: RunningSandbox, visitor: Callable[..., Visitor]) -> None:
    person = visitor().enter(url_of(box, properties={"max_call_duration": 90}))
    box.advance(45)
    expect(person.page.locator("#clock")).to_contain_text("left")
    box.advance(60)
    expect(person.title).to_have_text("Time is up")
    expect(person.title).to_be_focused()


def test_closing_the_tab_leaves_the_room(box: RunningSandbox, visitor: Callable[..., Visitor]) -> None:
    made = box.create(properties={"participant_left_timeout": 0})
    person = visitor().enter(made["conversation_url"])
    person.page.goto("about:blank")
    eventually(lambda: box.conversation(made["conversation_id"])["status"] == "ended")


def test_a_reload_finds_the_same_call(box: RunningSandbox, visitor: Callable[..., Visitor]) -> None:
    person = visitor().enter(url_of(box, properties={"participant_left_timeout": 60}))
    person.say("Before")
    expect(person.log).to_contain_text("You said: Before")
    box.freeze()
    person.page.reload()
    waits = person.page.locator("#waits")
    expect(waits).to_have_text(re.compile(r"You can join again: with nobody in it the room closes in 0:5\d\."))
    box.advance(30)
    expect(waits).to_have_text(re.compile(r"closes in 0:2\d\."))
    person.join.click()
    expect(person.log).to_contain_text("You said: Before")
    person.say("After")
    expect(person.log).to_contain_text("You said: After")


def test_a_private_room_opens_with_its_token_only(box: RunningSandbox, visitor: Callable[..., Visitor]) -> None:
    made = box.create(require_auth=True)
    person = visitor()
    person.page.goto(made["conversation_url"])
    expect(person.page.get_by_role("heading")).to_have_text("You are not allowed to join this meeting")
    invited = visitor().enter(f"{made['conversation_url']}?t={made['meeting_token']}")
    invited.say("It is me")
    expect(invited.log).to_contain_text("You said: It is me")


def test_a_voice_call_asks_for_no_camera_and_shows_no_video(
    box: RunningSandbox, visitor: Callable[..., Visitor]
) -> None:
    watch = """const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        window.wishes = [];
        navigator.mediaDevices.getUserMedia = (wish) => { window.wishes.push(wish.video); return ask(wish) }"""
    person = visitor(script=watch).enter(url_of(box, audio_only=True))
    assert person.page.evaluate("window.wishes") == [False]
    expect(person.page.locator(".ring img")).to_be_visible()
    expect(person.page.locator("#figure")).to_be_hidden()
    expect(person.button("Turn camera off")).to_be_hidden()


def test_the_green_screen_is_green(box: RunningSandbox, visitor: Callable[..., Visitor]) -> None:
    person = visitor().enter(url_of(box, properties={"apply_greenscreen": True}))
    ground = person.page.locator("#stage").evaluate("element => getComputedStyle(element).backgroundColor")
    assert ground == "rgb(0, 255, 155)"


def test_what_is_heard_is_said_and_a_missing_service_is_a_quiet_note(
    box: RunningSandbox, visitor: Callable[..., Visitor]
) -> None:
    ears = """window.SpeechRecognition = class {
        start() { window.ear = this } abort() {}
        hear(words) {
            const found = Object.assign([{ transcript: words }], { isFinal: true });
            this.onresult({ resultIndex: 0, results: [found] });
        }
    }"""
    person = visitor(script=ears).enter(url_of(box, custom_greeting="Hi."))
    expect(person.page.locator("#mode")).to_have_text("Listening", timeout=12_000)
    person.page.wait_for_function("window.ear")
    person.page.evaluate("window.ear.hear('I said this aloud')")
    expect(person.log).to_contain_text("You said: I said this aloud")
    person.page.evaluate("window.ear.onerror({ error: 'network' })")
    expect(person.page.get_by_role("status").filter(has_text="Type instead")).to_be_visible()
    assert person.complaints == []


def test_only_a_voice_of_this_machine_speaks_and_its_words_lead_the_caption(
    box: RunningSandbox, visitor: Callable[..., Visitor]
) -> None:
    voices = """window.spoken = [];
        const voice = (name, localService) => ({ name, lang: "en-GB", localService, default: !localService });
        speechSynthesis.getVoices = () => [voice("far", false), voice("near", true)];
        window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text } };
        speechSynthesis.speak = (one) => {
            window.spoken.push([one.voice.name, one.text]);
            if (window.spoken.length === 1) setTimeout(() => { one.onstart(); one.onboundary({ charIndex: 7 }) }, 20);
        }"""
    person = visitor(script=voices).enter(url_of(box))
    expect(person.page.locator("#caption span:not(.ahead)").nth(1)).to_contain_text("I'm")
    assert {name for name, _ in person.page.evaluate("window.spoken")} == {"near"}


@pytest.mark.parametrize(
    ("width", "height", "scheme"),
    [(320, 600, "dark"), (390, 844, "light"), (775, 600, "dark"), (1600, 900, "light")],
)
def test_it_fits_every_window(
    box: RunningSandbox, visitor: Callable[..., Visitor], width: int, height: int, scheme: Any
) -> None:
    person = visitor(viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce")
    person.visit(url_of(box, properties={"participant_left_timeout": 60}))
    expect(person.join).to_be_in_viewport(ratio=1)
    assert wide(person.page) <= 0
    person.page.keyboard.press("Enter")
    for shown in (person.field, person.button("Leave the call"), person.button("Mute"), person.page.locator("#clock")):
        expect(shown).to_be_in_viewport(ratio=1)
    assert wide(person.page) <= 0
    person.button("Leave the call").click()
    expect(person.page.get_by_role("button", name="Join again")).to_be_in_viewport(ratio=1)
    assert wide(person.page) <= 0
