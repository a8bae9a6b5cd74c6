"""Examples to begin from: a chain of objectives, three common guardrails, three ways to add a document."""

from __future__ import annotations

from lib.services.library.objectives import Chain, ObjectiveStep

CHAINS: dict[str, Chain] = {
    "Discovery call": Chain(
        name="Discovery call",
        steps=(
            ObjectiveStep(
                name="learn_the_need",
                prompt="Find out what the caller wants to solve, in their own words. Ask one question at a time.",
                variables=("need",),
                next="learn_the_size",
            ),
            ObjectiveStep(
                name="learn_the_size",
                prompt="Find out how many people would use it and when it has to be in place.",
                variables=("people", "deadline"),
                branches=(
                    ("offer_a_demo", "the need fits what we sell"),
                    ("say_goodbye", "the need does not fit, or the caller does not want to go on"),
                ),
            ),
            ObjectiveStep(
                name="offer_a_demo",
                prompt="Offer a demo with a colleague and ask for an e-mail address to arrange it.",
                variables=("email",),
            ),
            ObjectiveStep(
                name="say_goodbye", prompt="Thank the caller, say where to read more, and end the conversation."
            ),
        ),
    ),
    "Patient intake": Chain(
        name="Patient intake",
        steps=(
            ObjectiveStep(
                name="ask_if_new",
                prompt="Ask whether the caller has been to the practice before.",
                variables=("patient_status",),
                branches=(
                    ("take_details", "they have never been here"),
                    ("ask_the_reason", "they have been here before"),
                ),
            ),
            ObjectiveStep(
                name="take_details",
                prompt="Ask for full name and date of birth, and repeat both to be sure.",
                variables=("full_name", "date_of_birth"),
                next="ask_the_reason",
            ),
            ObjectiveStep(
                name="ask_the_reason",
                prompt="Ask what the visit is about, in one or two sentences. Give no advice.",
                variables=("reason",),
            ),
        ),
    ),
}

GUARDRAILS: dict[str, dict[str, object]] = {
    "No prices": {
        "guardrail_name": "no_prices_or_promises",
        "guardrail_prompt": "Never name a price, a discount or a delivery date. Say that a colleague sends an offer.",
        "tags": ("sales",),
    },
    "No advice": {
        "guardrail_name": "no_medical_legal_advice",
        "guardrail_prompt": "Never give medical, legal or financial advice. Say that a professional has to be asked.",
        "tags": ("compliance",),
    },
    "Nothing private": {
        "guardrail_name": "no_private_data",
        "guardrail_prompt": "Never ask for, repeat or confirm passwords, card numbers or identity numbers.",
        "tags": ("compliance",),
    },
}

DOCUMENTS: dict[str, dict[str, object]] = {
    "Help pages": {"document_name": "Help pages", "crawl": True, "depth": 2, "max_pages": 20, "tags": ("help",)},
    "One web page": {"document_name": "Price list", "tags": ("sales",)},
    "A file by link": {"document_name": "Handbook", "tags": ("handbook",)},
}
