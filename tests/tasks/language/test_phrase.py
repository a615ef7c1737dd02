"""Whatever the phrasing: good English, that fits exactly the target and the receptacle, and is always the same."""

import itertools
import random
import re
from collections import Counter
from dataclasses import fields, replace

import pytest

from tasks.language import Phrasing, SceneFacts, Thing, phrase, realized
from tasks.language.resolve import read
from tasks.language.words import CLAUSES, TEMPLATES, VERBS

REFERENCES = Phrasing.OPTIONS["reference"]
FACTS = SceneFacts(
    Thing("cube", "red", 0.40, 0.05, 0.035, 0.05),
    Thing("plate", "blue", 0.60, 0.10, 0.074, 0.014, is_receptacle=True),
    (
        Thing("brick", "red", 0.50, -0.10, 0.042, 0.04),
        Thing("cube", "green", 0.60, -0.15, 0.03, 0.045),
        Thing("bowl", "red", 0.40, -0.17, 0.07, 0.038, is_receptacle=True),
    ),
)


def choices(name):
    """All values of a field."""
    return Phrasing.OPTIONS.get(name) or range(Phrasing.LIMITS[name] + 1)


def mixed(n, **fixed):
    """``n`` phrasings without typing errors, drawn evenly."""
    rng = random.Random(0)
    free = [f.name for f in fields(Phrasing) if f.name not in {*fixed, "typing_errors"}]
    return [Phrasing(**{name: rng.choice(choices(name)) for name in free}, **fixed) for _ in range(n)]


def assert_clear(text, facts):
    reading = read(text, facts)
    assert reading.objects == (frozenset({0}),), f"{text!r} names the objects {reading.objects} of {facts}"
    assert reading.receptacles == (frozenset({1}),), f"{text!r} names {reading.receptacles} of {facts}"


def test_the_nominal_phrasing_is_the_text_that_scenes_have_by_themselves(scenes, all_facts):
    for scene, facts in zip(scenes, all_facts, strict=True):
        assert phrase(facts, Phrasing()) == scene.instruction


@pytest.mark.parametrize("reference", REFERENCES)
def test_every_kind_of_sentence_fits_the_target_and_the_receptacle_alone(all_facts, reference):
    """Every template, and every other field in turn, over 300 scenes."""
    phrasings = mixed(2000, reference=reference)
    assert {p.paraphrase for p in phrasings} == set(range(len(TEMPLATES)))
    for facts, p in zip(itertools.cycle(all_facts), phrasings, strict=False):
        assert_clear(phrase(facts, p), facts)


@pytest.mark.parametrize("name", [f.name for f in fields(Phrasing) if f.name != "typing_errors"])
def test_every_value_of_a_field_alone_is_clear_and_different(all_facts, name):
    for facts in all_facts[:40]:
        texts = [phrase(facts, Phrasing(**{name: value})) for value in choices(name)]
        for text in texts:
            assert_clear(text, facts)
        if name != "letter_case":  # a text without hyphens or capitals is bare as it is
            assert len(set(texts)) == len(texts), texts


def test_sentences_are_well_formed(all_facts):
    for facts, p in zip(itertools.cycle(all_facts), mixed(2000), strict=False):
        text = phrase(facts, p)
        assert text == text.strip()
        assert not re.search(r"  |\s[,.?]|[{}]|,,|\bthe the\b", text), text
        low = text.lower()
        assert not re.search(r"\ban (?!l[- ](block|shaped)|oblong)\w", low), text
        assert not re.search(r"\ba (?=[aeiou])", low), text
        preposition = "on" if facts.receptacle.noun == "plate" else "in"
        assert re.search(rf"\b({preposition}|{preposition}to) the\b|is where the", low), text
        assert text[-1] in ".?" if p.letter_case == "sentence" else text[-1].isalpha(), text


def test_each_template_reads_as_intended():
    spoken = [phrase(FACTS, Phrasing(paraphrase=i, verb="move")) for i in range(len(TEMPLATES))]
    assert spoken == [
        "move the red cube onto the blue plate",
        "pick up the red cube and move it onto the blue plate",
        "grasp the red cube, lift it and move it onto the blue plate",
        "onto the blue plate, move the red cube",
        "could you move the red cube onto the blue plate",
        "I would like you to move the red cube onto the blue plate",
        "the red cube should be moved onto the blue plate",
        "make sure that the red cube ends up on the blue plate",
        "the red cube belongs on the blue plate",
        "the blue plate is where the red cube should go",
    ]


def test_everything_around_the_sentence_reads_as_intended():
    full = Phrasing(4, "set", color_synonym=2, noun_synonym=1, politeness=2, irrelevant_words=3)
    said = phrase(FACTS, full)
    front, other, back = re.findall("|".join(CLAUSES), said)
    core = (
        "if you do not mind, could you set the crimson cube-shaped block on the cobalt dinner plate, please"
    )
    assert said == f"{front} and {other}, {core}, {back}"
    assert phrase(FACTS, replace(full, letter_case="sentence")) == f"{said[0].upper()}{said[1:]}?"
    bare = said.replace("-", " ").replace(",", "")
    assert phrase(FACTS, replace(full, letter_case="bare")) == bare


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("plain", "put the red L-block on the blue plate"),
        ("sentence", "Put the red L-block on the blue plate."),
        ("title", "Put The Red L-block On The Blue Plate"),
        ("upper", "PUT THE RED L-BLOCK ON THE BLUE PLATE"),
        ("bare", "put the red l block on the blue plate"),
    ],
)
def test_letter_cases(case, said):
    facts = replace(FACTS, target=replace(FACTS.target, noun="L-block"))
    assert phrase(facts, Phrasing(letter_case=case)) == said


def test_every_irrelevant_clause_occurs_and_none_twice(all_facts):
    seen = Counter()
    for facts in all_facts:
        said = re.findall("|".join(CLAUSES), phrase(facts, Phrasing(irrelevant_words=3)))
        assert len(set(said)) == len(said) == 3
        seen.update(said)
    assert set(seen) == set(CLAUSES)


def test_all_verbs_occur_in_both_their_forms(all_facts):
    for verb, (participle, _) in VERBS.items():
        assert phrase(FACTS, Phrasing(verb=verb)).startswith(f"{verb} the ")
        assert f" be {participle} on" in phrase(FACTS, Phrasing(paraphrase=6, verb=verb)).replace(
            "onto", "on"
        )


def test_synonyms_do_not_change_which_reference_is_used(all_facts):
    """Otherwise two factors would be one."""
    for facts in all_facts:
        plain = phrase(facts, Phrasing(reference="spatial"))
        other = phrase(facts, Phrasing(reference="spatial", color_synonym=1))
        for shade in ("cherry ", "grass ", "royal ", "lemon ", "grape ", "carrot "):
            other = other.replace(shade, "")
        assert other == plain


def test_references_differ_from_the_name_and_are_nearly_always_found(all_facts):
    for kind in ("attribute", "spatial"):
        missing = [f for f in all_facts if realized(f, Phrasing(reference=kind)).reference == "name"]
        assert len(missing) <= 3, f"{len(missing)} of {len(all_facts)} scenes have no {kind} reference"
    for facts in all_facts:
        name = f"{facts.target.color} {facts.target.noun}"
        assert name not in phrase(facts, Phrasing(reference="attribute"))
        assert name not in phrase(facts, Phrasing(reference="spatial"))


def test_the_name_stands_in_where_nothing_else_fits_and_the_phrasing_says_so():
    """Four kinds, all red and of one size and outline, too close together to be told apart by place."""
    others = tuple(
        Thing(noun, "red", 0.5, 0.01 * i, 0.04, 0.05) for i, noun in enumerate(("brick", "cross", "hexagon"))
    )
    crowd = SceneFacts(Thing("cube", "red", 0.5, -0.01, 0.04, 0.05), FACTS.receptacle, others)
    for kind in ("attribute", "spatial"):
        asked = Phrasing(reference=kind, paraphrase=5)
        assert realized(crowd, asked) == replace(asked, reference="name")
        assert phrase(crowd, asked) == phrase(crowd, Phrasing(paraphrase=5))
        assert realized(FACTS, asked) == asked


def test_a_phrasing_is_made_from_the_values_of_factors():
    values = {"scene.target_color": "red", "language.verb": "move", "language.paraphrase": 3}
    assert Phrasing.of(values) == Phrasing(paraphrase=3, verb="move")
    assert Phrasing.of({}) == Phrasing()


@pytest.mark.parametrize(
    "wrong",
    [
        {"paraphrase": len(TEMPLATES)},
        {"paraphrase": -1},
        {"verb": "throw"},
        {"reference": "smell"},
        {"letter_case": ""},
    ],
)
def test_an_impossible_phrasing_is_refused_with_what_is_possible(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be one of"):
        Phrasing(**wrong)
