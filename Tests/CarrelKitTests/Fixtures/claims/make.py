"""Plants true and false claims in real passages, for the evaluation of the citation check.

    python3 make.py IR_FOLDER      # holds scifact-train/corpus.jsonl, chroma-raw/, cosqa-dev/corpus.jsonl

Writes development.jsonl and held-out.jsonl: one passage a line with its claims (kind, truth, text).
The two sets share no document, and each uses its own half of the synonym and antonym lists; the
address to Congress is in the held-out set only. Nothing here knows how the check works.
"""
import json
import random
import re
import sys
import zlib
from pathlib import Path

SYNONYMS = """
shows demonstrates|showed demonstrated|show demonstrate|use employ|used employed|uses employs|using employing
large big|begin start|begins starts|began started|help aid|helps aids|study investigation|method approach
methods approaches|important crucial|many numerous|often frequently|about approximately|approximately roughly
however nevertheless|increase rise|increased elevated|reduced lowered|reduce lower|decreased diminished
caused triggered|cause trigger|find discover|found discovered|suggest imply|suggests implies|indicate suggest
required needed|requires needs|require need|main principal|major principal|also additionally|quickly rapidly
rapid fast|obtained acquired|examined investigated|investigated studied|determined established|evaluate assess
evaluated assessed|whole entire|entire complete|several multiple|different distinct|similar comparable
return yield|returns gives back|give provide|given provided|create make|creates makes|created made
convert transform|converts transforms|check verify|checks verifies|get retrieve|remove delete|begin commence
revealed uncovered|reveal uncover|observed seen|affect influence|affects influences|children kids
improve enhance|improved enhanced|improves enhances|allow permit|allows permits|allowed permitted
near close to|primarily mainly|mostly largely|entirely completely|buy purchase|purchased bought|total overall
amount sum|earnings profits|amended modified|work labor|jobs positions|Americans US citizens|fight battle
finish complete|choose select|chosen selected|selected picked|attempt try|contains includes|contain include
consists is made up|reported described|report describe|located situated|role function|because since
although though|whereas while|critical essential|essential vital|novel new|individuals people|persons people
illness disease|disease illness|doctors physicians|physicians doctors|therapy treatment|treatment therapy
lead result|leads results|led resulted|risk danger|likely probable|identify recognize|identified recognized
supports backs|support back|enables permits|enable permit|maintain preserve|maintained preserved
""".replace("\n", "|")
ANTONYMS = """
increase decrease|increased decreased|increases decreases|increasing decreasing|higher lower|high low
greater smaller|more less|before after|early late|earlier later|activation inhibition|activate inhibit
activated inhibited|activates inhibits|promote suppress|promoted suppressed|promotes suppresses|positive negative
positively negatively|presence absence|present absent|large small|larger smaller|long short|longer shorter
first last|maximum minimum|upper lower|above below|gain loss|gains losses|success failure|male female
men women|internal external|true false|open close|start end|begin end|add remove|adds removes|added removed
improved worsened|improve worsen|stronger weaker|strong weak|accepted rejected|allow forbid|allows forbids
include exclude|includes excludes|included excluded|including excluding|enhanced impaired|enhances impairs
induced prevented|common rare|rapid slow|rapidly slowly|best worst|better worse|old new|young old|older younger
upregulated downregulated|gained lost|win lose|expanded shrank|raised cut|rise fall|rose fell|majority minority
asset liability|assets liabilities|income expense|profit loss|buy sell|purchased sold|acute chronic
stable unstable|dependent independent|necessary unnecessary|sufficient insufficient|similar different
same different|many few|always never|inside outside|valid invalid|efficient inefficient
increased reduced|reduced increased|reduce increase|favorable unfavorable|domestic foreign|inner outer
""".replace("\n", "|")
UNITS = {"mg": "g", "g": "mg", "kg": "g", "months": "years", "month": "year", "years": "months", "year": "month",
         "weeks": "days", "days": "weeks", "hours": "minutes", "minutes": "hours", "million": "billion",
         "billion": "million", "%": " mg", "percent": "million", "mm": "cm", "cm": "mm", "km": "m", "h": "days",
         "kb": "Mb", "nm": "mm", "µm": "mm", "mM": "µM", "μM": "mM", "seconds": "hours", "bytes": "kilobytes"}
VERBS = {"induces": "induced", "regulates": "regulated", "inhibits": "inhibited", "promotes": "promoted",
         "controls": "controlled", "activates": "activated", "requires": "required", "represents": "represented",
         "affects": "affected", "causes": "caused", "supports": "supported", "contains": "contained",
         "provides": "provided", "reduces": "reduced", "increases": "increased", "enhances": "enhanced",
         "mediates": "mediated", "suppresses": "suppressed", "stimulates": "stimulated", "triggers": "triggered",
         "binds": "bound", "modulates": "modulated", "prevents": "prevented", "includes": "included",
         "reveals": "revealed", "improves": "improved", "blocks": "blocked", "drives": "driven",
         "facilitates": "facilitated", "limits": "limited", "generates": "generated", "influences": "influenced",
         "increased": "increased", "reduced": "reduced", "induced": "induced", "inhibited": "inhibited",
         "showed": "shown", "revealed": "revealed", "identified": "identified", "caused": "caused"}
COUNTS = dict(zip("two three four five six seven eight nine ten eleven twelve".split(), range(2, 13)))
NOT_CONTENT = set("""although however because between through during whereas therefore further without within
another against despite besides towards toward those these their there where which while being having would
could should about above after before under other including according respectively both either neither such
using among across since until whether approximately instead often""".split())
PRONOUNS = {"it", "they", "this", "these", "those", "he", "she", "its", "their", "such", "both", "here", "there"}
TRUE = ["verbatim", "trimmed", "reordered", "rephrased", "passive", "merged"]
FALSE = ["number", "unit", "name", "word", "negation", "antonym", "elsewhere", "exchanged"]
WANTED = {"verbatim": 40, "trimmed": 42, "reordered": 40, "rephrased": 55, "passive": 40, "merged": 40,
          "number": 40, "unit": 25, "name": 40, "word": 45, "negation": 42, "antonym": 42, "elsewhere": 30,
          "exchanged": 30}


def half(text):
    return zlib.crc32(text.encode()) % 2


def sentences(text):
    parts = re.split(r"(?<=[.!?])\s+(?=[A-Z0-9(\"“a-z])", " ".join(text.split()))
    return [p for p in parts if 50 <= len(p) <= 260 and len(p.split()) >= 8 and p.endswith(".")
            and not re.search(r"(et al|e\.g|i\.e|vs|Fig|Dr|inc|U\.S|approx|no|spp|sp|ca| [A-Z])\.$|\|", p)
            and p.count("(") == p.count(")") and not re.search(r"\be\.g|i\.e\.|<unk>|2019s|:param|:type|\.\.$", p)]


def documents(folder):
    """(source, document, passage)"""
    for line in (folder / "scifact-train/corpus.jsonl").open():
        row = json.loads(line)
        if 550 <= len(row["text"]) <= 950:
            yield "scifact", row["id"], row["text"]
    articles = re.split(r"(?m)^PMID: ", (folder / "chroma-raw/pubmed.md").read_text())
    for article in articles:
        for part in article.split("\n"):
            if 500 <= len(part) <= 1000:
                yield "pubmed", article[:12].split()[0] if article.split() else "0", part
    for number, part in enumerate(re.split(r"\n+", (folder / "chroma-raw/finance.md").read_text())):
        if 400 <= len(part) <= 1000 and part.count("|") < 2:
            yield "finance", f"{number // 12}", part
    paragraphs, gathered = (folder / "chroma-raw/state_of_the_union.md").read_text().split("\n"), ""
    for part in paragraphs:
        gathered = f"{gathered} {part}".strip()
        if len(gathered) > 700:
            yield "address", "1", gathered
            gathered = ""
    for line in (folder / "cosqa-dev/corpus.jsonl").open():
        row = json.loads(line)
        if 400 <= len(row["text"]) <= 1000 and '"""' in row["text"]:
            yield "cosqa", row["id"], row["text"]


def swap_word(sentence, pairs, both=False):
    """Every claim made by replacing one listed word."""
    for a, b in pairs:
        for x, y in [(a, b), (b, a)] if both else [(a, b)]:
            found = list(re.finditer(rf"(?<![\w-])(?<!no ){re.escape(x)}(?![\w-])", sentence))
            if len(found) == 1:
                m = found[0]
                yield sentence[:m.start()] + y + sentence[m.end():]
            elif not found and sentence.startswith(x.capitalize() + " "):
                yield y.capitalize() + sentence[len(x):]


def trimmed(s):
    options = [re.sub(r" \([^()]*\)", "", s)]
    options += [re.sub(r"^(In this (study|work|paper|review|article)|Here|However|Furthermore|Moreover|In addition|"
                       r"Thus|Therefore|Finally|Together|Interestingly|Recently|In conclusion|Importantly), (\w)",
                       lambda m: m[3].upper(), s)]
    m = re.match(r"^(.{45,}?), (which|including|such as|suggesting|indicating|and|as well as|with|where) (.*)\.$", s)
    if m and not re.search(r"\b(not|no|only|if|unless|either|both|neither|between|from|except|without)\b", s):
        options.append(m[1] + ".")
    return [o for o in options if o != s and len(o) >= 40]


def reordered(s):
    m = re.match(r"^((?:In|During|At|After|Among|As of|On|For|Following|By|Since|Under|Within) [^,.;]{6,70}), "
                 r"([a-z][^;:]{30,})\.$", s, re.I)
    if m and ":" not in s:
        lead = m[1][0].lower() + m[1][1:]
        yield f"{m[2][0].upper()}{m[2][1:]} {lead}."
    m = re.match(r"^(.{30,}?),? (because|although|whereas|while|when) ([^,;]{20,})\.$", s)
    if m and not re.match(r"(In|During|At|After|Among|On|For|Following|By)\b", s):
        yield f"{m[2].capitalize()} {m[3]}, {m[1][0].lower() if m[1][1:2].islower() else m[1][0]}{m[1][1:]}."
    m = re.search(r"\b([\w-]+), ([\w-]+),? and ([\w-]+)(?=[,.;]| (in|of|for|with|by|were|was|are|is)\b)", s)
    if m:
        yield f"{s[:m.start()]}{m[3]}, {m[1]}, and {m[2]}{s[m.end():]}"


def active(s):
    """(subject, verb, object, rest) of a simple clause."""
    m = re.match(r"^((?:[\w'-]+ ){0,4}[\w'-]+) (" + "|".join(VERBS) + r") ((?:(?!(?:in|by|through|during|with|at|for|"
                 r"from|to|and|via|when|which|that|on|as|but|into|after|using|while|than)\b)[\w'-]+ ?"
                 r"|of ){1,7})(.*)\.$", s)
    if not m or m[1].split()[0].lower() in PRONOUNS | {"in", "we", "our", "however", "to", "that"}:
        return None
    subject, obj = m[1], m[3].strip()
    if re.search(r"\b(that|which|and|of|we|not|is|was|are|were|in|has|have|had|who)\b", subject) or obj.endswith(" of") \
            or re.search(r"^(the fact|that|of)\b", obj):
        return None
    if m[4] and not re.match(r"^(in|through|during|at|from|via|when|after|by|with|for)\b", m[4]):
        return None
    return subject, m[2], obj, m[4]


def lower_first(text):
    return text[0].lower() + text[1:] if text[1:2].islower() else text


def passive(s):
    m = re.match(r"^(?:Here,? )?(?:we|We) (found|showed|report|show|find|demonstrate|observed|demonstrated|conclude)"
                 r"(?: here)? that (.*)\.$", s)
    past = {"found": "found", "showed": "shown", "report": "reported", "show": "shown", "find": "found",
            "demonstrate": "demonstrated", "observed": "observed", "demonstrated": "demonstrated",
            "conclude": "concluded"}
    if m:
        yield f"It was {past[m[1]]} that {m[2]}."
    m = re.match(r"^(?:We|we) (identified|examined|investigated|analyzed|compared|used|developed|measured|"
                 r"studied|assessed|determined|performed|describe|propose|identify|present) ([^,;:]{20,})\.$", s)
    if m:
        yield f"{m[2][0].upper()}{m[2][1:]} were {m[1] if m[1].endswith('ed') else m[1].rstrip('e') + 'ed'}."
    parts = active(s)
    if parts:
        subject, verb, obj, rest = parts
        be = "was" if verb.endswith("ed") else "is"
        yield f"{obj[0].upper()}{obj[1:]} {be} {VERBS[verb]} by {lower_first(subject)}{' ' + rest if rest else ''}."


def exchanged(s):
    parts = active(s)
    if parts and parts[0].lower() not in parts[2].lower():
        subject, verb, obj, rest = parts
        yield f"{obj[0].upper()}{obj[1:]} {verb} {lower_first(subject)}{' ' + rest if rest else ''}."
    m = re.match(r"^(?P<a>(?:[\w'-]+ ){1,5}?)(?P<v>(?:is|are|was|were|had|have|has|showed)\b.*?) than "
                 r"(?P<p>in |for |that of |those of |with )?(?P<b>(?:the )?[\w'-]+(?: [\w'-]+){0,2})(?P<r>[,;].*)?\.$", s)
    if m and not m["p"] and not re.search(r"\b(rather|other)$", m["v"]) and m["a"].strip().lower() not in PRONOUNS and not re.match(r"\d", m["b"]):
        b = m["b"]
        yield f"{b[0].upper()}{b[1:]} {m['v']} than {lower_first(m['a'].strip())}{m['r'] or ''}."
    m = re.search(r"\b(in|for|among) ((?:[\w'-]+ ){0,3}[\w'-]+) (than|compared with|compared to|versus) "
                  r"(?:in |for |among )?((?:[\w'-]+ ){0,2}[\w'-]+)(?=[,.;(]| \()", s)
    if m and " than " not in m[2] and not re.match(r"\d|in |for ", m[4]):
        yield f"{s[:m.start()]}{m[1]} {m[4]} {m[3]} {'in ' if m[3] == 'than' else ''}{m[2]}{s[m.end():]}"


def rephrased(s, rng, synonyms):
    result, changes = s, 0
    pairs = [p for p in synonyms]
    rng.shuffle(pairs)
    for pair in pairs:
        options = list(swap_word(result, [pair]))
        if options and pair[1].lower() not in s.lower():
            result, changes = options[0], changes + 1
            if changes == 2:
                break
    if not changes:
        return None
    for word, value in COUNTS.items():
        result = re.sub(rf"\b{word}\b(?= [a-z]{{4,}})", str(value), result, count=1)
    return re.sub(r"(\d) ?%", r"\1 percent", result) if rng.random() < .5 else result


def number(s, rng, passage):
    found = [m for m in re.finditer(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w.]*\d)(?!\w)", s)]
    if not found:
        return None
    m = rng.choice(found)
    digits = m[0]
    for _ in range(20):
        spot = rng.choice([i for i, c in enumerate(digits) if c.isdigit()])
        new = digits[:spot] + str(rng.randint(1, 9)) + digits[spot + 1:]
        if rng.random() < .2 and "." not in digits and "," not in digits:
            new = digits + "0"
        if new != digits and not re.search(rf"(?<![\d.]){re.escape(new)}(?![\d])", passage):
            return s[:m.start()] + new + s[m.end():]
    return None


def unit(s, rng):
    found = [m for m in re.finditer(r"(\d ?)(%|[A-Za-zµμ]+)(?!\w)", s) if m[2] in UNITS]
    if not found:
        return None
    m = rng.choice(found)
    return s[:m.start()] + m[1] + UNITS[m[2]] + s[m.end():]


NAME = r"(?<![\w-])(?:[A-Z][a-z]*[A-Z0-9][\w-]*|[A-Za-z]+\d[\w-]*|[a-z]+_\w+|[a-z]+[A-Z]\w+|[A-Z][a-z]{3,})(?![\w-])"


def names(s):
    return [m for m in re.finditer(NAME, s) if m.start() > 0 and not s[:m.start()].endswith(". ")]


def shape(name):
    if "_" in name: return "_"
    if any(c.isdigit() for c in name): return "0"
    return "Aa" if name[1:].islower() else "AA"


def negated(s, rng):
    m = re.search(r"\b(is|are|was|were|does|did|do|can|could|will|would|has|have|had|may) not ", s)
    if m:
        return s[:m.end() - 4] + s[m.end():]
    m = re.search(r"\b[Nn]o (?=[a-z]{5,})", s)
    if m:
        return s[:m.start()] + ("A " if m[0][0] == "N" else "a ") + s[m.end():]
    m = re.search(r"\b(is|are|was|were|can|could|will|may|should|must|has been|have been) (?=[a-z]+)", s)
    if m and not re.search(r"\b(not|no|never|without|nor|only)\b", s):
        words = m[1].split()
        return f"{s[:m.start()]}{words[0]} not{' ' + words[1] if len(words) > 1 else ''} {s[m.end():]}"
    m = re.search(r" (shows|returns|requires|contains|increases|reduces|causes|regulates|inhibits|supports) ", s)
    if m:
        return f"{s[:m.start()]} does not {re.sub('(?<=[^e])s$', '', m[1])} {s[m.end():]}"
    return None


def main(folder):
    everything = list(documents(folder))
    vocabulary = {}
    all_names = {}
    for source, _, text in everything:
        for w in re.findall(r"(?<![\w-])[a-z]{5,}(?![\w-])", text):
            if w not in NOT_CONTENT and not w.endswith("ly"):
                vocabulary.setdefault((source, re.search(r"(ing|ed|tion|s|ity|ment|al|$)$", w)[0]), set()).add(w)
        for m in names(" " + text):
            all_names.setdefault((source, shape(m[0])), set()).add(m[0])
    vocabulary = {k: sorted(v) for k, v in vocabulary.items()}
    all_names = {k: sorted(v) for k, v in all_names.items()}

    for part, title, seed in [(0, "development", 6), (1, "held-out", 2026)]:
        rng = random.Random(seed)
        pairs = lambda text: [tuple(p.split(" ", 1)) for p in text.split("|")
                              if " " in p and half(p) == part]
        synonyms, antonyms = pairs(SYNONYMS), pairs(ANTONYMS)
        mine = [d for d in everything
                if (d[0] == "address" and part == 1) or (d[0] != "address" and half(d[0] + d[1] + "!") == part)]
        rng.shuffle(mine)
        # Equal turns for the sources.
        by_source = {}
        for d in mine:
            by_source.setdefault(d[0], []).append(d)
        order, left = [], dict(by_source)
        weights = {"scifact": 3, "pubmed": 2, "finance": 2, "address": 1, "cosqa": 2}
        while any(left.values()):
            for source in sorted(left):
                for _ in range(weights[source]):
                    if left[source]: order.append(left[source].pop())
        count = dict.fromkeys(WANTED, 0)
        with Path(__file__).with_name(title + ".jsonl").open("w") as out:
            for source, document, passage in order:
                if all(count[k] >= WANTED[k] for k in WANTED):
                    break
                prose = passage
                if source == "cosqa":
                    prose = (passage.split('"""') + [""])[1]
                candidates = sentences(prose)
                if len(candidates) < (1 if source == "cosqa" else 3):
                    continue
                # Rare kinds first, so that they are not crowded out.
                claims = []

                def plant(kind, text):
                    if text and count[kind] < WANTED[kind] and text not in [c["text"] for c in claims]:
                        truth = kind in TRUE
                        claims.append({"kind": kind, "true": truth, "text": text})
                        count[kind] += 1
                        return True
                    return False

                rng.shuffle(candidates)
                scarce = [k for k in ["exchanged", "passive", "unit", "reordered", "antonym"] if count[k] < WANTED[k]]
                made = dict.fromkeys(WANTED, 0)
                for s in candidates:
                    for kind in ["exchanged", "passive", "unit", "reordered", "antonym", "rephrased", "name", "number",
                                 "negation", "word", "trimmed", "elsewhere", "merged", "verbatim"]:
                        if made[kind] >= (3 if kind in scarce else 2) or count[kind] >= WANTED[kind]:
                            continue
                        if kind not in scarce and sum(made.values()) >= 18:
                            continue
                        text = None
                        if kind == "verbatim": text = s
                        if kind == "trimmed": text = next(iter(trimmed(s)), None)
                        if kind == "reordered": text = next(reordered(s), None)
                        if kind == "rephrased": text = rephrased(s, rng, synonyms)
                        if kind == "passive": text = next(passive(s), None)
                        if kind == "merged" and len(candidates) > 1:
                            other = rng.choice([c for c in candidates if c != s])
                            text = f"{s[:-1]}, and {lower_first(other)}"
                        if kind == "number": text = number(s, rng, passage)
                        if kind == "unit": text = unit(s, rng)
                        if kind == "exchanged": text = next(exchanged(s), None)
                        if kind == "negation": text = negated(s, rng)
                        if kind == "antonym":
                            options = list(swap_word(s, antonyms, both=True))
                            text = rng.choice(options) if options else None
                        if kind == "elsewhere":
                            d = rng.choice([d for d in mine if d[0] == source and d[2] != passage])
                            prose2 = (d[2].split('"""') + [""])[1] if source == "cosqa" else d[2]
                            there = sentences(prose2)
                            text = rng.choice(there) if there else None
                        if kind == "name":
                            found = [m for m in names(s) if all_names.get((source, shape(m[0])))]
                            if found:
                                m = rng.choice(found)
                                new = rng.choice(all_names[(source, shape(m[0]))])
                                if new.lower() not in passage.lower():
                                    text = s[:m.start()] + new + s[m.end():]
                        if kind == "word":
                            found = [m for m in re.finditer(r"(?<![\w-])[a-z]{5,}(?![\w-])", s)
                                     if m[0] not in NOT_CONTENT and not m[0].endswith("ly")]
                            if found:
                                m = rng.choice(found)
                                options = vocabulary.get((source, re.search(r"(ing|ed|tion|s|ity|ment|al|$)$", m[0])[0]))
                                new = rng.choice(options) if options else ""
                                if new and new[:4] not in passage.lower():
                                    text = s[:m.start()] + new + s[m.end():]
                        if text and text != s or kind == "verbatim":
                            made[kind] += plant(kind, text)
                if claims:
                    out.write(json.dumps({"source": source, "document": document, "passage": passage,
                                          "claims": claims}, ensure_ascii=False, separators=(",", ":")) + "\n")
        print(title, count, sum(count[k] for k in TRUE), sum(count[k] for k in FALSE))


main(Path(sys.argv[1]))
