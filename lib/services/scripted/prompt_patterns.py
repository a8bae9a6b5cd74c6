"""Patterns of what system prompts say: who, what for, what to ask, what to tell and what to keep back."""

from __future__ import annotations

import re

from lib.services.scripted.words import either, these

_FAMILIES = {
    "coach": r"""
        coach\w*|mentor|trainer\w*|verkaufstrainer\w*|entraîneu\w*|formateur|formatrice|entrenador\w*|treinador\w*
        allenat\w+
    """,
    "interviewer": r"""
        interviewers?|recruiter|hiring manager|talent (?:partner|acquisition)|personaler\w*|bewerbungsgespräch\w*
        vorstellungsgespräch\w*|recruteu\w*|reclutador\w*|recrutador\w*|entrevistador\w*|intervistat\w+
    """,
    "upset": r"""
        (?:ANNOYED) (?:\w+ ){0,2}?(?:SOMEBODY)
        verärgert\w*|wütend\w*|cliente? mécontent\w*
    """,
    "buyer": r"""
        buyer|prospect|procurement|purchas(?:er|ing)|investor|decision[- ]maker|sceptical \w+|skeptical \w+
        potential customer|chief financial officer|cfo|finance director|einkäufer\w*|käufer\w*|acheteu\w*|comprador\w*
        acquirente
    """,
    "support": r"""
        support|help ?desk|customer (?:service|care|success)|service (?:agent|desk)|troubleshoot\w*|receptionist
        kundendienst\w*|kundenservice|kundenbetreu\w*|assistance|service client|soporte|atención al cliente|suporte
        atendimento|assistenza
    """,
    "tutor": r"""
        teacher|tutor|instructor|professor|lecturer|language partner|study (?:buddy|partner)|lehrer\w*|enseignant\w*
        professeur|profesor\w*|maestr[oa]|insegnante
    """,
    "guide": r"""
        guide|sales (?:development|rep\w*|executive|assistant|agent|person)|salesperson|account executive|sdr|bdr
        product (?:expert|specialist|advis[eo]r|manager)|onboarding \w+|consultant|advis[eo]r|concierge|seller|host
        ambassador|berater\w*|verkäufer\w*|conseill\w*|vendeu\w*|asesor\w*|vendedor\w*|consulente|demonstrat\w+
    """,
}
_ANNOYED = "angry|upset|furious|frustrated|unhappy|disappointed|difficult|annoyed|impatient|aggressive"
_SOMEBODY = "customer|guest|client|employee|patient|tenant|passenger|parent|caller|user|colleague|resident|shopper"
_FAMILIES["upset"] = _FAMILIES["upset"].replace("ANNOYED", _ANNOYED).replace("SOMEBODY", _SOMEBODY)
FAMILIES = {name: re.compile(rf"\b(?:{either(pattern)})\b", re.I) for name, pattern in _FAMILIES.items()}
SELLING = re.compile(r"\b(?:salesperson|sales rep|seller|pitch)\w*", re.I)

_CAPITAL = r"[A-ZÀ-ÖØ-ÞĀ-ŽА-Я][\w'’\-]+"
_NAME = (
    rf"(?P<name>(?:(?:Dr|Prof|Mr|Mrs|Ms|Herr|Frau|Mme|M)\.? )?{_CAPITAL}"
    rf"(?: (?:(?:van|von|de|da|del|di|el|bin|al) )?{_CAPITAL}){{0,2}})"
)
_IS = either(
    """
    You are|You're|you are|you're|I am|I'm|Act as|Play|Pretend to be|Roleplay as|Role-play as|You play|You will play
    You will be|Du bist|Sie sind|Du heißt|Sie heißen|Tu es|Vous êtes|Tu t'appelles|Vous vous appelez|Eres|Te llamas
    Usted es|Você é|Tu és|Sei|Ti chiami|Lei è|Je bent|U bent|Jesteś|Ты|Вы|你是|あなたは
    """
)
_CALLED = either(
    """
    [Yy]our name is|[Yy]our name's|[Nn]ame:|named|called|[Mm]y name is|[Dd]ein Name ist|[Ii]hr Name ist
    [Tt]on nom est|[Vv]otre nom est|[Tt]u nombre es|[Ss]u nombre es|[Ss]eu nome é|[Ii]l tuo nome è
    """
)
NAMED = (
    re.compile(
        rf"\b(?:{_IS})[,:]? (?:called |named )?{_NAME}"
        r"(?=[,.;:\n(–—-]| (?:from|who|at|the|and|an?|in|of|de|von|und|et|y|e)\b|$)"
    ),
    re.compile(rf"\b(?:{_CALLED}) {_NAME}"),
    re.compile(
        r"(?:^|\n)[#*\s]*(?:Name|Persona|Character)[*\s]*[:=][*\s]*"
        r"(?P<name>(?:(?:Dr|Prof|Mr|Mrs|Ms)\.? )?[A-ZÀ-Þ][\w'’\-]+(?: [A-ZÀ-Þ][\w'’\-]+)?)"
    ),
)
NAMED_ELSEWHERE = (
    re.compile(r"(?:أنتِ?|اسمكِ?) (?P<name>[\u0620-\u064a]{2,20})(?=[،,.\s])"),
    re.compile(r"(?:את|אתה|שמך) (?P<name>[\u05d0-\u05ea]{2,20})(?=[,.\s])"),
    re.compile(r"你(?:是|叫)(?P<name>[\u4e00-\u9fff]{2,4}?)(?=[，,。 ])"),
    re.compile(r"あなたは(?P<name>[\u4e00-\u9fff\u3040-\u30ff]{1,8}?)(?=です|、|という)"),
)
NOT_A_NAME = these(
    """
    a an the not now here in on at one my your our being talking speaking calling english german french spanish helpful
    friendly ai it he she they always never role goal goals ein eine einer der die das un une le la el los las uma um
    uno il lo
    """
)

ARTICLE = r"(?:an?|the|one of|ein|eine|der|die|das|un|une|le|la|l'|el|los|las|uma?|o|uno?|il|lo|een|de)"
ROLE_AFTER_NAME = re.compile(r"[,:]? (?:(?:is|who is|acting as|working as|and you are|as) )?(?P<role>[^.;\n!?]{3,200})")
ROLE = re.compile(rf"\b(?:{_IS})[,:]? (?:the part of |the role of |as )?(?P<role>{ARTICLE} [^.;\n!?]{{3,200}})")
_ROLE_HEADS = r"Role|Rolle|Rôle|Rol|Papel|Ruolo|Job|Occupation|Title"
ROLE_LINE = re.compile(rf"(?:^|\n)[#*\s]*(?:{_ROLE_HEADS})[*\s]*[:=][*\s]*(?P<role>[^\n.;]{{3,120}})", re.I)
ROLE_WORK = re.compile(
    r"\b[Yy]ou (?:work|serve) (?:(?:at|for|in) [^.,\n]{2,40} )?as (?P<role>(?:an?|the) [^.;\n]{3,120})"
)
ROLE_IS = re.compile(r"\b[Yy]our (?:role|job|part) is (?:that of )?(?P<role>(?:an?|the) [^.;\n]{3,120})")
ROLE_ENDS = re.compile(
    r",? (?:and you|and your|who |whose |that |which |und du|et tu|y tu|und Sie|et vous| talking to| speaking with)",
    re.I,
)
BARE_TITLE = re.compile(rf"(?:{ARTICLE}|head|chief|director|vice|vp|c[eftio]o|co-?founder|founder)\b", re.I)

_OTHER_ONE = r"user|customer|candidate|client|visitor|caller|prospect|person"
OTHER = re.compile(
    r"\b(?:speaking|talking|meeting|call|chatting|conversation|interview)(?: is)? (?:with|to) ([A-ZÀ-Þ][\w'’\-]+)"
    rf"|\b(?:{_OTHER_ONE})(?:'s name)? is (?:called |named )?([A-ZÀ-Þ][\w'’\-]+)"
    rf"|\b(?:{_OTHER_ONE}) (?:called|named) ([A-ZÀ-Þ][\w'’\-]+)"
)

SENTENCE = re.compile(r"[^.!?\n]+(?:\.(?=\w)[^.!?\n]*)*[.!?]*")
HEADING = re.compile(r"^\W*(?P<what>[\w '’/&-]{2,40}?)\W*:?\W*$")
INLINE_HEADING = re.compile(r"^([\w '’-]{3,30}):\s+(.+)$")
BULLET = re.compile(r"^\s*(?:[-*•–—▪·]|\d+[.)]|\(\d+\))\s+")
HEADS = (
    (
        "never",
        re.compile(r"never|don't|do not|avoid|limits?|rules?|guardrail|constraint|boundar|nie|jamais|nunca", re.I),
    ),
    ("manner", re.compile(r"how you (?:speak|talk|sound)|style|tone|manner|voice|personality|format", re.I)),
    ("aims", re.compile(r"goal|objecti|aim|task|mission|job|purpose|ziel|aufgabe|objetiv|obiettiv|tarea|tarefa", re.I)),
    ("facts", re.compile(r"fact|know|background|context|about|company|product|situation|pric|faq|detail", re.I)),
)

AIM = re.compile(
    r"\b(?:[Yy]our (?:main |only |secret )?(?:goal|objective|aim|job|task|mission|purpose) (?:is|are) (?:to )?"
    r"|[Yy]ou (?:want|would like|try|aim|need|hope) to |[Yy]ou're trying to |[Tt]ry to |[Aa]im to "
    r"|[Mm]ake sure (?:to|that you) )(?P<aim>[^.;\n!?]{4,220})"
)
_ASKING = r"""
    ask|learn|find out|understand|discover|explore|clarify|determine|probe|get to know|check|inquire|establish|identify
    qualify
"""
ASKS = re.compile(
    r"^(?:first |then |always |also |briefly |next |finally )*"
    rf"(?P<verb>{either(_ASKING)})\b(?P<rest>.*)$",
    re.I,
)
ASKED_ONE = re.compile(
    r"^ (?:them|the \w+|him|her|people|users|customers|candidates|each \w+)\b(?! (?:is|are|has|wants))", re.I
)
ASK_ENDS = re.compile(r",? (?:and then|before you|so that|until|in order to|unless|but never)\b")
ASK_MANNER = re.compile(
    r"(?:one|two|three|only|at most|open|short|follow-?up|a|more) (?:\w+ )?questions?\b|questions?\b", re.I
)
QUESTION_WORDS = re.compile(r"(?:what|how|why|who|whom|whose|which|when|where|whether|if)\b")

_NEVER = r"""
    never|do not|don't|must not|mustn't|you cannot|you can't|should not|shouldn't|without|avoid|refuse to|nie|niemals
    jamais|nunca
"""
NEVER = re.compile(rf"\b(?:{either(_NEVER)})\b", re.I)
_TELLING = r"""
    reveal\w*|disclos\w*|mention\w*|shar(?:e|ing)\b|tell\w*|discuss\w*|talk about|admit\w*|give away|volunteer|say\b
    state\b|divulge\w*|(?:give|grant) (?:an?|any|out|the|them|medical|legal)\b|verrat\w*|erwähn\w*
"""
TELLING = re.compile(rf"\b(?:{either(_TELLING)})", re.I)
INVENTING = re.compile(r"\b(?:invent\w*|guess\w*|promise\w*|make up|making up|predict\w*|speculat\w*|quote)\b", re.I)
SECRET = re.compile(
    r"\b(?:secret\w*|hidden|confidential\w*|private(?:ly)?|only you know|keep .{1,40} to yourself|unless asked)\b", re.I
)

IMPERATIVE = these(
    """
    be speak keep ask use answer avoid never always stay start end begin do don't if when make let give show tell
    respond reply greet listen remember try focus act follow remain adapt maintain encourage provide offer
    help explain respect
    note ensure limit only wait introduce pretend play talk say open close finish push challenge interrupt react treat
    refer output write consider think please you should must agree hold raise solve leave learn find understand
    """
)
_MANNER = r"""
    speak|talk|sound|answer|reply|ask|never|always|don't|do not|must|should|will|are to|can|may|listen|explain|pick
    interrupt|repeat|let|quote|respond|stay|keep|say|follow|give|push|earn|welcome|hold|remain|avoid|only|play|act|help
    use (?:short|plain|simple|clear|everyday|humou?r|a |an |no |the (?:user|customer)|words|examples|open)
"""
MANNER = re.compile(rf"^you (?:{either(_MANNER)})\b", re.I)
SCENE = re.compile(r"^you are (?:talking|speaking|in a|on a|practi)", re.I)
_OTHERS = r"salesperson|learner|student|participant|people"
OF_OTHER = re.compile(rf"^(?:the|a|an|this|your) (?:{_OTHER_ONE}|{_OTHERS})\b|^they\b|^people\b", re.I)
_STATES = r"""
    is|are|was|were|has|have|had|costs?|takes?|starts?|runs?|uses?|used|needs?|wants?|works?|offers?|includes?|can|will
    does|did|paid|pays?|sells?|makes?|employs?|bought|ordered|lives?|serves?|covers?|supports?|comes?|ends?|begins?
    lost|hired|left|owns?|leads?|run
"""
STATES = re.compile(rf"\b(?:{either(_STATES)})\b", re.I)
IF_ASKED = re.compile(
    r"^(?:if|when|whenever) (?:the \w+|they|someone|anyone|somebody|asked|you are asked|you're asked) ?"
    r"(?:asks?|mentions?|wants?|says?|brings? up|raises?|inquires?|complains?)? ?(?:about |for |to |that )?"
    r"(?P<what>[^,]{2,80}), (?:you )?(?:always )?"
    r"(?:say|tell them|tell the \w+|answer|reply|respond|explain|mention|state)(?: that| with|:)? (?P<say>.{4,220})$",
    re.I,
)
