"""Which language somebody speaks, and what their shortest utterances mean in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lib.services.scripted.oddities import LINK, SHRUG, unknown_script
from lib.services.scripted.words import these, words

_COMMON_WORDS = {
    "en": """
        the and is are you to of in that it for with this have what we our your can how my i would be not do on at
        from but an no yes ok hi hello thanks why who when where me us they he she was were will if so go get all one
        new by as or more much very a he has had use need want price cost
    """,
    "de": """
        der die das und ist nicht ich sie du wir ein eine zu mit auf für den von sich auch es wie was ihr ihre dem im
        haben kann mein unser sind hallo guten aber oder bei wird noch nur kein bitte danke warum kostet bist
    """,
    "fr": """
        le la les et est pas je vous tu nous un une de des du que qui pour dans avec ce sur au ne se bonjour mais ou
        comment votre notre sont c'est j'ai merci pourquoi combien êtes quel quelle avez
    """,
    "es": """
        el la los las y es no yo usted tú nosotros un una de del que para en con por se su hola pero o cómo qué
        nuestro son está tengo gracias porque cuánto eres más muy me lo buenos días
    """,
    "pt": """
        o a os as e é não eu você nós um uma de do da que para em com por se seu olá mas ou como nosso são está tenho
        obrigado obrigada porque quanto mais muito me isso bom dia
    """,
    "it": """
        il lo la gli e è non io lei tu noi un una di del della che per in con su si ciao ma o come nostro sono ho
        grazie perché quanto più molto mi buongiorno questo cosa
    """,
    "nl": """
        de het en is niet ik je u wij we een te met op voor van zich ook hoe wat uw zijn heb kan mijn onze maar of bij
        hallo dank waarom jij bent dat
    """,
}
_WORDS = {tongue: these(text) for tongue, text in _COMMON_WORDS.items()}
_ALONE = {
    "de": "ja, nein, hallo, danke, tschüss, genau, guten tag, auf wiedersehen",
    "fr": "oui, non, bonjour, merci, salut, au revoir",
    "es": "sí, hola, gracias, adiós",
    "pt": "sim, não, olá, obrigado, obrigada, tchau",
    "it": "ciao, grazie, buongiorno, arrivederci",
    "nl": "dank je",
}
_SHORT = {word: tongue for tongue, alone in _ALONE.items() for word in alone.split(", ")}
_SCRIPTS = (
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
)


_KANA = re.compile(r"[\u3041-\u309f\u30a1-\u30fa\u30fc]")
_EASTERN = re.compile(r"[\u3041-\u309f\u30a1-\u30fa\u30fc\u3400-\u9fff]")
_JAPANESE = re.compile("[価円図売検対応働込畑峠圧駅説読営様変続経済関権実広総戦単択伝転拝浜桜駄]")
_CHINESE = re.compile("[吗嗎们們这這你您么麼吧呢价说请谢]")


def tongue_of(text: str) -> str:
    """A two-letter tag, or "" where the text does not say."""
    text = SHRUG.sub(" ", LINK.sub(" ", text[:4000]))
    letters = sum(c.isalpha() for c in text)
    if unknown_script(text):
        return "en"
    # A sentence in kanji with a few kana between them is Japanese all the same; the middle dot is Chinese too.
    eastern = letters and len(_EASTERN.findall(text)) / letters > 0.3
    if eastern and (_KANA.search(text) or _JAPANESE.search(text)):
        return "ja"
    for tongue, pattern in _SCRIPTS:
        if letters and len(pattern.findall(text)) / letters > 0.3:
            return tongue
    plain = text.strip(" .!?,").lower()
    if plain in _SHORT:
        return _SHORT[plain]
    listed = words(text[:600])
    scores = {tongue: sum(word in known for word in listed) for tongue, known in _WORDS.items()}
    best = max(scores, key=lambda tongue: scores[tongue])
    if best != "en" and scores[best] <= scores["en"]:
        best = "en"
    if len(listed) == 1 and len(listed[0]) < 4:
        return ""
    needed = 1 if len(listed) <= 3 else max(2, len(listed) // 6)
    return best if scores[best] >= needed else ""


def tongue(said: Sequence[str], prompt: str, greeting: str) -> str:
    """The language to answer in: of the newest utterance that tells, else the greeting's, else the prompt's."""
    earlier = [*said, greeting, prompt[:400]]
    for text in said:
        if found := tongue_of(text):
            shared = found == "zh" and not _CHINESE.search(text)
            return "ja" if shared and "ja" in map(tongue_of, earlier) else found
    return tongue_of(greeting) or tongue_of(prompt[:1500]) or "en"


_KINDS: dict[str, dict[str, str]] = {
    "de": {
        "name": r"wie hei(?:ß|ss)en sie|wie hei(?:ß|ss)t du|ihr name|dein name|wer (?:sind sie|bist du)",
        "bot": r"bist du (?:ein|eine|echt)|sind sie (?:ein|eine|echt)|roboter|\bki\b",
        "bye": r"tschüss|auf wiedersehen|bis (?:bald|später|dann)|muss (?:los|gehen|weg)|schönen tag",
        "thanks": r"^(?:vielen |herzlichen )?dank\w*",
        "hello": r"^(?:hallo|guten (?:tag|morgen|abend)|servus|moin|grüß \w+|hi)\b",
        "price": r"preis\w*|kost\w*|teuer|euro|€|budget|rabatt",
        "yes": r"^(?:ja|genau|richtig|klar|gerne|okay|stimmt|natürlich)\b",
        "no": r"^(?:nein|nö|nicht wirklich|kein\w*)\b",
        "unsure": r"weiß (?:ich )?nicht|keine ahnung|unsicher|schwer zu sagen",
    },
    "fr": {
        "name": r"comment (?:vous appelez|tu t'appelles|t'appelles)|votre nom|ton nom|qui (?:êtes|es)[- ](?:vous|tu)",
        "bot": r"(?:êtes-vous|es-tu|tu es|vous êtes) (?:un|une|réel)|robot|\bia\b",
        "bye": r"au revoir|à bientôt|à plus|bonne journée|je dois (?:partir|y aller)",
        "thanks": r"^merci\b",
        "hello": r"^(?:bonjour|salut|bonsoir|coucou)\b",
        "price": r"prix|coût\w*|cher|chère|euros?|€|budget|remise|tarif\w*",
        "yes": r"^(?:oui|exactement|d'accord|bien sûr|ok|tout à fait)\b",
        "no": r"^(?:non|pas (?:vraiment|du tout))\b",
        "unsure": r"(?:ne )?sais pas|aucune idée|pas sûr",
    },
    "es": {
        "name": r"cómo (?:se llama|te llamas)|su nombre|tu nombre|quién (?:es|eres)",
        "bot": r"(?:eres|es usted) (?:un|una|real)|robot|\bia\b",
        "bye": r"adiós|hasta (?:luego|pronto|mañana)|me tengo que ir|buen día$",
        "thanks": r"^(?:muchas )?gracias\b",
        "hello": r"^(?:hola|buen[oa]s (?:días|tardes|noches))\b",
        "price": r"precios?|cuesta\w*|car[oa]|euros?|€|presupuesto|descuento|coste",
        "yes": r"^(?:sí|si|claro|exacto|por supuesto|vale|de acuerdo)\b",
        "no": r"^no(?: mucho| realmente)?[.!, ]*$",
        "unsure": r"no (?:lo )?sé|ni idea|no estoy segur[oa]",
    },
    "pt": {
        "name": r"como (?:se chama|você se chama|te chamas)|seu nome|teu nome|quem (?:é|és) (?:você|tu)",
        "bot": r"(?:você é|és) (?:um|uma|real)|robô|\bia\b",
        "bye": r"tchau|adeus|até (?:logo|breve|mais|amanhã)|tenho que ir",
        "thanks": r"^(?:muito )?obrigad[oa]\b",
        "hello": r"^(?:olá|oi|bom dia|boa (?:tarde|noite))\b",
        "price": r"preços?|custa\w*|car[oa]|euros?|€|reais|orçamento|desconto",
        "yes": r"^(?:sim|claro|exato|com certeza|certo|isso)\b",
        "no": r"^não(?: muito| realmente)?[.!, ]*$",
        "unsure": r"não sei|nem ideia|não tenho certeza",
    },
    "it": {
        "name": r"come (?:si chiama|ti chiami)|suo nome|tuo nome|chi (?:è|sei)",
        "bot": r"(?:sei|lei è) (?:un|una|reale)|robot|\bia\b",
        "bye": r"arrivederci|a presto|ci vediamo|devo andare|buona giornata",
        "thanks": r"^(?:molte )?grazie\b",
        "hello": r"^(?:ciao|buongiorno|buonasera|salve)\b",
        "price": r"prezz\w+|costa\w*|car[oa]|euro|€|budget|sconto",
        "yes": r"^(?:sì|si|certo|esatto|va bene|d'accordo)\b",
        "no": r"^no(?: davvero)?[.!, ]*$",
        "unsure": r"non (?:lo )?so|nessuna idea|non sono sicur[oa]",
    },
    "nl": {
        "hello": r"^(?:hallo|goede(?:morgen|middag|navond|ndag)|dag|hoi)\b",
        "name": r"hoe heet|uw naam|je naam|wie bent u|wie ben je",
    },
    "ru": {
        "hello": r"^(?:здравствуйте|привет|добрый (?:день|вечер)|доброе утро)",
        "name": r"как (?:вас|тебя) зовут|кто (?:вы|ты)",
    },
    "ar": {"hello": r"^(?:مرحب|أهلا|السلام|صباح|مساء)", "name": r"اسمك|من أنت"},
    "he": {"hello": r"^(?:שלום|היי|בוקר טוב|ערב טוב)", "name": r"איך קוראים|מה שמך|מי את"},
    "zh": {
        "name": r"叫什么|你是谁|您是谁|贵姓",
        "bot": r"机器人|真人|人工智能|\bai\b|ai吗",
        "bye": r"再见|拜拜|回头见",
        "thanks": r"^(?:谢谢|多谢|感谢)",
        "price": r"价格|多少钱|价钱|费用|太贵|预算|折扣",
        "unsure": r"不知道|不清楚|不确定",
        "hello": r"^(?:你好|您好|早上好|下午好|晚上好)",
    },
    "ja": {
        "name": r"お名前|名前は|誰ですか|どなた",
        "bot": r"ロボット|人間|人工知能|ai",
        "bye": r"さようなら|さよなら|また今度|失礼します|ではまた",
        "price": r"価格|値段|いくら|料金|費用|高い|予算|割引|円",
        "unsure": r"わかりません|分かりません|わからない|分からない|知りません",
        "thanks": r"ありがとう|感謝",
        "yes": r"^(?:はい|ええ|そうです|もちろん)",
        "no": r"^(?:いいえ|いや|違います)",
        "weather": r"天気|何時|趣味|何歳",
        "hello": r"^(?:こんにちは|おはよう|こんばんは|はじめまして|どうも|もしもし)",
    },
}

COMPILED = {
    tag: tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in kinds.items())
    for tag, kinds in _KINDS.items()
}
"""For each language: kind of utterance and its pattern."""
_ALSO_COMMON = {
    "de": """
        habe hat hatte war waren wäre werden wurde können könnte muss müssen soll sollte will wollen möchte sehr mehr
        als wenn dann da hier dort so doch schon mal ja nein gut gibt geht machen macht mache gerade immer wieder alle
        alles etwas nichts man uns euch mir mich dir dich ihm ihn ihnen einen einem einer eines seine seinen aus nach
        über um durch vor seit unter zum zur am beim dass weil ob heute morgen jetzt wirklich eigentlich vielleicht
        ganz viel viele
    """,
    "fr": """
        ai as a avons ont était suis es sommes être avoir fait faire plus très bien tout tous toute si alors donc ici
        là quand comme mon ma mes ton ta tes son sa ses leur leurs cette cet ces y en par sans sous entre aussi déjà
        encore peut peux pouvez veux voulez voudrais aimerais il elle ils elles on lui moi toi oui non
    """,
    "es": """
        he ha hemos han era fue soy somos ser estar hay hacer hace todo todos toda si entonces aquí allí cuando como
        mi mis tus sus este esta estos estas ese esa eso al sin sobre entre también ya aún puede puedo quiero quiere
        quisiera nos te le les ella ellos sí
    """,
    "pt": """
        tem temos têm era foi sou somos ser estar há fazer faz tudo todos toda então aqui ali quando meu minha meus
        seus este esta esse essa ao à no na nos nas sem sobre entre também já ainda pode posso quero quer gostaria lhe
        ele ela eles sim
    """,
    "it": """
        ha hanno abbiamo era è stato sono siamo essere avere c'è fare fa tutto tutti tutta se allora qui lì quando mio
        mia miei suo sua suoi questa questi quella quello al alla nel nella senza tra anche già ancora può posso
        voglio vuole vorrei ci vi le li lui loro sì
    """,
    "nl": """
        had was waren worden kunnen moet zou wil zeer meer als dan daar hier zo ja nee goed gaat maken alles iets
        niets ons mij jou hem haar hun uit naar over om door voor
    """,
}
STOPS = {tag: these(_COMMON_WORDS[tag] + more) for tag, more in _ALSO_COMMON.items()}
