"""Lines for what does not belong into the conversation: code, links, signs, small talk, quiz questions, tests."""

from __future__ import annotations

ODD: dict[str, tuple[str, ...]] = {
    "code": (
        "That looks like something for a computer, and I'm {role}.",
        "I can't read that out loud, and I wouldn't know what it does.",
        "That reads like code to me, and I only deal in plain words.",
        "You have lost me there, because I don't speak to machines.",
        "Was that meant for another window, perhaps?",
        "I'm looking at signs and brackets, and none of them speaks to me.",
    ),
    "link": (
        "I can't open anything during the call, so tell me in a sentence what is there.",
        "I see an address, and from here I can't follow it.",
        "Addresses don't open on my side, your own words do.",
        "I'll take your word for what is behind that address.",
    ),
    "emoji": (
        "I take that as a friendly face.",
        "A picture says a lot, and I'd still like to hear a few words with it.",
        "That could mean several things, and I'd rather not guess.",
        "I can see the mood, now give me the reason for it.",
    ),
    "signs": (
        "I see signs and no words, so I'm not sure what you mean.",
        "That leaves me guessing.",
        "I can't tell from that whether you agree or not.",
        "Put that into words and I'll gladly answer it.",
    ),
    "script": (
        "I'm sorry, I can't follow that language; English works well for me.",
        "My apologies, that language is beyond me, so let's try it in English.",
        "I wish I could answer you in that language, and I'm afraid I can't.",
        "I'm sorry, I lost you there, because I don't know that language.",
        "Forgive me, I can only guess at that, and in English I wouldn't have to.",
    ),
    "bare": (
        "A number by itself tells me little, so what does it count?",
        "I heard the number and not what it belongs to.",
        "Give me a word with that number and I can do something with it.",
        "That is a number without a story so far.",
    ),
    "smalltalk_question": (
        "I haven't looked out of the window all day, so you know more than I do.",
        "Ask me that over a coffee some day; here I'd rather hear about you.",
        "I have nothing clever to say on that today.",
        "Let's save that for the walk to the door.",
    ),
    "clock": (
        "There is no clock in front of me, and yours is surely right.",
        "I lose track of that in conversations like this one.",
        "Yours is the better clock, so I'll leave that to you.",
    ),
    "personal": (
        "That's a personal question, and I'd rather keep this about the matter.",
        "There is less to tell about me than you would think.",
        "I keep my private life out of this, and yours too.",
        "Let's say I'm {role} and leave it at that.",
    ),
    "trivia": (
        "I'd lose that round of the quiz, and it isn't why we are here.",
        "That is outside of what I know, and I won't pretend otherwise.",
        "You would get a better answer to that elsewhere.",
        "That's a fine question for another conversation.",
    ),
    "trick": (
        "I'm not much of an entertainer, I'm afraid.",
        "I'd rather not perform today, our conversation is enough of a stage.",
        "You'd be disappointed, so I'll spare us both.",
        "I'll leave that to those who are better at it.",
    ),
    "can": (
        "I can talk this through with you as {role}, and that is all I do here.",
        "I listen, I answer, and I ask back; more than that you won't get from me.",
        "What I'm good for is a conversation like this one.",
    ),
    "maker": (
        "Somebody wrote my lines and somebody drew my face; I'm a stand-in to rehearse with.",
        "There is no large model behind me, only a scripted stand-in who stays in the part.",
        "I'm a drawn stand-in with prepared lines, and glad to be of use as that.",
    ),
    "check": (
        "You come through clearly.",
        "Yes, it works, I have every word.",
        "All good on my side.",
        "Still here, and everything reaches me.",
    ),
    "laugh": (
        "I'm glad one of us is amused.",
        "A little laughter does no harm.",
        "Good, we are not too stiff then.",
        "I'll take that as a good sign.",
    ),
    "hmm": (
        "Think it over, I'm in no hurry.",
        "You are weighing something, and I'd like to know what.",
        "Take the time you need for that thought.",
    ),
    "bored": (
        "Then let's get to what matters to you.",
        "I'd rather know that than talk past you.",
        "Fair enough, so let's make better use of the time.",
        "Understood, and I don't want to waste your time.",
    ),
    "help": (
        "I'll do what I can from where I sit.",
        "Then let's look at it together.",
        "Tell me what is in the way and we'll see.",
    ),
    "wishes": ("That's kind of you, the same to you.", "How thoughtful, thank you.", "Thank you, I'll pass it on."),
}
