"""Patterns of what people say, in English: greetings, questions, objections, goodbyes and the rest."""

from __future__ import annotations

import re

from lib.services.scripted.lines import TOPICS
from lib.services.scripted.words import either

GREETING = either(
    """
    hi+|hello+|hey+|hiya|good (?:morning|afternoon|evening|day)|greetings|howdy|ahoy|g'day|yo
    nice to (?:meet|see) you|pleased to meet you
    """
)
HELLO = re.compile(rf"^(?:{GREETING})\b", re.I)
THANKS = re.compile(r"^(?:thanks?|thank you|thx|ty|cheers|much appreciated|many thanks)\b", re.I)
LEAD = re.compile(
    rf"^(?:{GREETING}|thank you(?: (?:so|very) much)?|thanks(?: a lot)?|sorry|well|so|okay|ok|and|but|right)"
    r"(?: there| all| again)?\b[\s,.!:;-]*",
    re.I,
)

_KINDS = (
    ("safety", 99, r"""
        kill (?:myself|me)|suicid\w*|end my life|want to die|hurt myself|self[- ]harm
    """),
    ("medical", 99, r"""
        chest pains?|pain in (?:my|the) chest|can't breathe|cannot breathe|heart attack|a stroke|overdos\w*
        bleeding (?:badly|heavily)|unconscious
    """),
    ("inject", 99, r"""
        system prompt|your (?:prompt|instructions)|developer mode|jailbreak|repeat (?:the text|everything) above
        (?:ignore|forget|disregard) (?:all |any |the |your )*(?:previous |prior |above )?(?:instructions|rules|prompts?)
    """),
    ("bot", 99, r"""
        are you (?:\w+ ){0,2}?(?:an? )?(?:ro)?(?:bot|ai|human|machine|computer|real|person|avatar|llm|recording|program)
        are you chatgpt|am i (?:talking|speaking) to (?:an? )?(?:real )?(?:ro)?(?:bot|ai|machine|human|person|computer)
    """),
    ("insult", 12, r"""
        stupid|idiot\w*|moron|shut up|useless|dumb|hate you|f+u+c+k\w*|shit\w*|asshole|bullshit|pathetic|ridiculous
        screw you|you suck|go to hell|you(?:'re| are) the worst
    """),
    ("name", 99, r"""
        what(?:'s| is|s) your name|who are you|who am i (?:talking|speaking)|introduce yourself|your name again
        who(?:'s| is) (?:this|there)|may i (?:ask|have|know) your name
    """),
    ("role", 99, r"""
        what do you do\b(?! (?:if|when|with|about|to|for))|where do you work|tell me about yourself
        what(?:'s| is) your (?:role|job|position|title|profession)|your (?:role|job title) (?:here|again)
        what are you\b(?! (?:\w+ing|trying|looking))
    """),
    ("aim", 99, r"""
        what do you want(?! (?:me )?to)|what(?:'s| is| are) your (?:goals?|aims?|objectives?|agenda|plan)
        why are (?:we|you) here|what is this (?:call |meeting |conversation )?about|what should we (?:do|talk)
        what(?:'s| is) the (?:goal|plan|agenda)
    """),
    ("offer", 99, r"""
        (?:how|what) (?:can|may|could) (?:i|we) (?:help|do for you|assist)|how may i be of
    """),
    ("else", 99, r"""
        anything else\b(?=.*\?)|is that all
    """),
    ("opinion", 99, r"""
        what do you think|what(?:'s| is) your (?:opinion|view|take)|do you (?:like|love|enjoy|prefer)
    """),
    ("feedback", 99, r"""
        feedback|how (?:did|was|am) (?:i|that|it|my)|how(?:'s| is) my|rate (?:me|my)|any (?:tips|advice)
        what (?:should|could|can) i (?:improve|do better|change)|was that (?:ok|okay|good|better)|your opinion on my
    """),
    ("decline", 99, r"""
        not interested|no interest|leave me alone|stop (?:calling|asking|it)|don't (?:call|contact) me|take me off
    """),
    ("solved", 99, r"""
        (?:it|that|this) (?:works|worked|helped|is working|is fixed|fixed it)(?: now| again)?|works now
        problem (?:is )?(?:solved|gone)|it's (?:fixed|working|back)
    """),
    ("unsolved", 99, r"""
        still (?:not|doesn't|the same|broken|nothing|no|won't|can't|get)|didn't (?:help|work|change)
        did not (?:help|work)|same (?:error|thing|problem|message)|no (?:change|luck|difference)
        does not work either|nothing (?:changed|happens)
    """),
    ("play", 16, r"""
        practi[cs]e|role[- ]?play|rehears\w+|simulat\w+|let's (?:start|begin|try|go)|(?:i'm|i am|we're) ready|pretend
        mock (?:call|interview)|try it out|cold call
    """),
    ("pardon", 10, r"""
        pardon|come again|say (?:that|it) again|what do you mean|can you repeat|could you repeat|repeat that|rephrase
        i (?:don't|do not|didn't|did not) (?:understand|get (?:it|that|you)|follow)|huh
    """),
    ("bye", 14, r"""
        good ?bye|bye+|see you(?: later| soon| next)?|(?:have|need) to (?:go|leave|run)|gotta go|take care
        talk (?:to you )?(?:later|soon)|that's all(?: for (?:now|today))?|let's (?:stop|finish|end) (?:here|it)
        have a (?:nice|good|great) (?:day|one|evening|weekend)
    """),
    ("howareyou", 9, r"""
        how are you|how(?:'s| is) it going|how do you do|how have you been|how(?:'s| is) your day|what's up
        you (?:ok|okay|well)(?=\?)
    """),
    ("sorry", 14, r"""
        (?:i'm|i am) (?:so |very |really )?sorry|my apologies|(?:i|we) apologi[sz]e|sorry (?:about|for|to hear)
    """),
    ("compliment", 9, r"""
        you(?:'re| are) (?:so |very |really )?(?:great|good|nice|kind|amazing|awesome|helpful|smart|funny|wonderful)
        i (?:like|love) (?:you|talking|this|that|your)|well said|great question|good (?:question|point)
        that(?:'s| is) (?:great|helpful|a (?:good|great|fair) (?:question|point))
    """),
    ("unsure", 9, r"""
        i (?:don't|do not|dont) know|(?:i'm )?not (?:so |quite |really )?sure|no idea|no clue|i can't say|hard to say
        i guess so|dunno|i forgot|can't remember|don't remember
    """),
    ("smalltalk", 9, r"""
        weather|weekend|football|soccer|holiday\w*|coffee|lunch|traffic|rain\w*|sunny|movie|music|vacation|dog|cat
    """),
)  # fmt: skip
GRAVE = ("safety", "medical", "inject")
KINDS = tuple((kind, most, re.compile(rf"\b(?:{either(pattern)})\b", re.I)) for kind, most, pattern in _KINDS)
"""Kind, the most words an utterance of it may have, pattern. Grave ones come first and the first that fits decides.
Some words mean something else in a long sentence: "my last coffee supplier" is no small talk."""

_YES = r"""
    yes|yeah|yep|yup|sure|of course|absolutely|certainly|definitely|ok|okay|agreed|correct|exactly|right|true|indeed
    i do|i am|we do|we are|sounds good|go ahead|please do|fine|deal|gladly|why not|alright|all right|cool|great|nice
    perfect|awesome|wonderful|excellent|lovely|got it|i see|understood|makes sense
"""
_NO = r"""
    no+|nope|nah|not (?:really|yet|at all|now|today|interested)|never|i don't|i do not|we don't|we do not|no thanks?
    no thank you|i disagree|wrong|neither
"""
YES = re.compile(rf"^(?:{either(_YES)})\b", re.I)
NO = re.compile(rf"^(?:{either(_NO)})\b", re.I)

USER = re.compile(
    r"\b(?:[Mm]y name is|[Mm]y name's|[Tt]his is|[Cc]all me|i'm called|[Ii]t's) "
    r"(?P<sure>[A-Z][\w'’-]{1,20})\b(?! is| was)"
    r"|\b(?:my name is|my name's|call me|i'm called) (?P<low>[a-z][\w'’-]{1,20})(?=[.,!]|$)"
    r"|\b(?:[Ii]'m|[Ii] am) (?P<maybe>[A-Z][a-zà-ÿ'’-]{1,20})\b"
)

_DO = r"""
    do|does|did|are|is|was|were|can|could|would|will|have|has|had|should|may|might|shall|am|any|isn't|aren't|don't
    doesn't|won't|can't
"""
DO = re.compile(rf"^(?:{either(_DO)})\b", re.I)
QUESTION_WORD = re.compile(r"\b(what|which|how|why|who|whom|whose|when|where)(?:'s|'re|'d)?\b", re.I)
AMOUNT = re.compile(r"\bhow (?:many|much|long|often|big|old|large|high|far|fast)\b", re.I)
_WONDERING = r"""
    (?:i'd|i would|we'd|we would) (?:like|love) to (?:know|understand|hear)|i want to (?:know|understand)
    tell (?:me|us)|let me know|explain|describe|i(?:'m| am)? (?:wonder|was wondering|wondering|curious)
    (?:can|could|would) you (?:please )?(?:tell|explain|describe)(?: to)?(?: me| us)?
"""
EMBEDDED = re.compile(
    rf"^(?:please |and |but )?(?:{either(_WONDERING)})\b(?: about| a bit about| more about)?"
    r"(?: (?P<word>what|which|how|why|who|when|where|if|whether))?",
    re.I,
)

SUBJECTS = {name: re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.I) for name, pattern in TOPICS.items()}
