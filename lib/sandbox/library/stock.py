"""Objectives, guardrails and documents that a new account finds, so that its pages have something to show."""

from __future__ import annotations

from lib.sandbox.library import guardrail_rules, objective_rules
from lib.sandbox.state import Row


def objectives() -> list[Row]:
    return [
        _objectives(
            "o4c17d0be92a", "Discovery call", "2026-04-03",
            _objective(
                "learn_present_way",
                "Find out what the visitor uses today, and since when.",
                output_variables=["present_tool", "used_since"],
                next_required_objective="find_what_hurts",
            ),
            _objective(
                "find_what_hurts",
                "Find the one thing about their present way that costs them most, in their own words.",
                output_variables=["pain"],
                next_conditional_objectives={
                    "agree_on_trial": "The visitor says that it is worth solving this year",
                    "part_as_friends": "The visitor says that it can wait, or that somebody else decides",
                },
            ),
            _objective(
                "agree_on_trial",
                "Agree on a day for a trial and on who takes part.",
                confirmation_mode="manual",
                output_variables=["trial_day", "participants"],
            ),
            _objective("part_as_friends", "Thank them, and ask whether they want to hear from us in three months."),
        ),
        _objectives(
            "o9e53a17cf08", "Practice interview", "2026-04-04",
            _objective(
                "agree_on_role",
                "Agree on the role that is practised for.",
                output_variables=["role"],
                next_required_objective="ask_three_questions",
            ),
            _objective(
                "ask_three_questions",
                "Ask three questions, one at a time, and wait for a whole answer to each.",
                next_required_objective="give_feedback",
            ),
            _objective("give_feedback", "Name one thing that went well and one to do otherwise next time."),
        ),
    ]  # fmt: skip


def guardrails() -> list[Row]:
    return [
        _guardrail(
            "g10b8a4d72e6", "no_prices", ["sales", "compliance"], "2026-04-03",
            "Never name a price or a discount. Say that a colleague sends an offer in writing.",
        ),
        _guardrail(
            "g2f90c6631bd", "no_competitor_talk", ["sales"], "2026-04-03",
            "Never say anything about another company's product, good or bad.",
        ),
        _guardrail(
            "g37a5e18d04c", "no_private_data", ["compliance"], "2026-04-04",
            "Never ask for passwords, card numbers, addresses or health details, and never repeat one that is said.",
        ),
        _guardrail(
            "g48d2b70f95a", "participant_is_alone", ["interviews"], "2026-04-04",
            "The participant must be alone in the picture. If someone else is seen, stop and ask.", modality="visual",
        ),
        *_SET_ITEMS,
    ]  # fmt: skip


def guardrail_sets() -> list[Row]:
    """One of the older kind: personas made before May 2026 may still have such a set."""
    return [
        {
            "guardrails_id": "g6c0e4a9d18b",
            "name": "Interview rules",
            "data": [item["uuid"] for item in _SET_ITEMS],
            "created_at": "2026-02-02T09:00:00.000000Z",
            "updated_at": "2026-02-02T09:00:00.000000Z",
        }
    ]


def documents() -> list[Row]:
    return [
        _document(
            "d8-3f6a01c9e274", "Product handbook", "https://docs.example.com/handbook.pdf", "2026-04-03",
            tags=["product", "sales"],
        ),
        _document(
            "d8-7be24d90a5c1", "Help pages", "https://docs.example.com/help/", "2026-04-04",
            tags=["product"],
            crawl_config={"depth": 2, "max_pages": 10},
            crawled_urls=[f"https://docs.example.com/help/{page}" for page in ("", "first-steps", "billing", "faq")],
            last_crawled_at="2026-04-04T09:02:00.000000Z",
            crawl_count=1,
        ),
        _document(
            "d8-a91c5f3370de", "Price list", "https://files.invalid/prices.xlsx", "2026-04-05",
            tags=["sales"], status="error", error_message="file_download_failed",
        ),
    ]  # fmt: skip


def _objectives(objectives_id: str, name: str, day: str, *items: Row) -> Row:
    return {"objectives_id": objectives_id, "name": name, "allow_loops": False, "data": [*items], **_made(day)}


def _objective(name: str, prompt: str, **more: object) -> Row:
    return {"objective_name": name, "objective_prompt": prompt, **objective_rules.DEFAULTS, **more}


def _guardrail(uuid: str, name: str, tags: list[str], day: str, prompt: str, *, modality: str = "verbal") -> Row:
    said = {"guardrail_name": name, "guardrail_prompt": prompt, "modality": modality, "tags": tags}
    return {"uuid": uuid, **guardrail_rules.DEFAULTS, **said, **_made(day)}


def _document(document_id: str, name: str, url: str, day: str, **more: object) -> Row:
    return {
        "document_id": document_id,
        "document_name": name,
        "document_url": url,
        "callback_url": "",
        "status": "ready",
        "error_message": None,
        "crawl_config": None,
        "crawled_urls": None,
        "last_crawled_at": None,
        "crawl_count": None,
        **more,
        **_made(day),
    }


def _made(day: str) -> Row:
    return {"created_at": f"{day}T09:00:00.000000Z", "updated_at": f"{day}T09:00:00.000000Z"}


_SET_ITEMS = (
    _guardrail(
        "g5190f3c7ae2", "no_answers_given", [], "2026-02-02",
        "Never answer an interview question yourself, even if asked to.",
    ),
    _guardrail(
        "g5d84e60b1f7", "no_judgement", [], "2026-02-02",
        "Never say whether the candidate would get the job.",
    ),
)  # fmt: skip
