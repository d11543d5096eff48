"""Rule files: what is understood, and that everything else is refused by name, all of it at once."""

from __future__ import annotations

import json

import pytest

from openleo.errors import InputError
from openleo.policy.request import Request
from openleo.policy.rule_file import read_rules

GOOD = {
    "id": '"r1"',
    "effect": '"permit"',
    "territory": '{in = "LUX"}',
    "authority": '"operator"',
    "reason": '"service is licensed"',
}
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}


def rule(**changed):
    """The text of a rule; a value of None leaves its key out."""
    said = {**GOOD, **changed}
    return "[[rule]]\n" + "".join(f"{key} = {value}\n" for key, value in said.items() if value is not None)


def book(*rules, head='schema = 1\nbook = "operator"\n'):
    return head + "".join(rules)


@pytest.fixture
def read(tmp_path):
    """Reads books from their texts, each a file: a.toml, b.toml, …"""

    def read(*texts):
        paths = [tmp_path / f"{letter}.toml" for letter, _ in zip("abcdefgh", texts, strict=False)]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, encoding="utf-8")
        return read_rules(paths)

    return read


@pytest.fixture
def refusal(read):
    """The problems of books that are refused."""

    def refusal(*texts):
        with pytest.raises(InputError) as refused:
            read(*texts)
        return refused.value.problems

    return refusal


def only(problems):
    (one,) = problems
    return one


# --- what is understood -------------------------------------------------------------------------------------------


def test_a_rule_as_the_contract_writes_it(read):
    text = rule(
        who='{classes = ["fixed", "emergency"]}',
        applies_to='"terminal"',
        legal_reference='"Act 12, section 3"',
        review_by="2027-01-31",
    )
    (made,) = read(book(text)).rules
    assert (made.id, made.book, made.effect, made.authority) == ("r1", "operator", "permit", "operator")
    assert made.selector.classes == {"fixed", "emergency"}
    assert made.legal_reference == "Act 12, section 3"
    assert made.review_by.isoformat() == "2027-01-31"
    assert made.emergency is None


def test_the_authority_of_a_rule_is_its_book_unless_it_says_another(read):
    (made,) = read(book(rule(authority=None))).rules
    assert made.authority == made.book


def test_keys_left_out_mean_any(read):
    (made,) = read(book(rule())).rules
    assert made.selector.classes is None
    assert made.matches(Request(class_="fixed"), set()) is True
    assert made.matches(Request(), set()) is True
    assert read(book(rule(who="{}"))).rules[0].selector.classes is None


def test_a_country_brings_its_waters_to_12_nautical_miles(read):
    assert read(book(rule())).rules[0].territory.ids == {"LUX", "LUX.sea12"}
    assert read(book(rule(territory='{in = "TON"}'))).rules[0].territory.ids == {"TON", "TON.sea12"}
    assert read(book(rule(territory='{in = "kinmen"}'))).rules[0].territory.ids == {"kinmen", "kinmen.sea12"}


def test_strips_and_the_high_seas_stand_for_themselves(read):
    (made,) = read(book(rule(territory='{in = ["JPN.sea200", "high-seas", "TWN.sea12"]}'))).rules
    assert made.territory.ids == {"JPN.sea200", "high-seas", "TWN.sea12"}


def test_names_of_territories_in_any_case(read):
    assert read(book(rule(territory='{in = ["lux", "ton"]}'))).rules[0].territory.ids >= {"LUX", "TON"}


@pytest.mark.parametrize(
    ("territory", "covered"),
    [
        ('{in = "TWN", include = ["kinmen", "matsu"]}', {"TWN", "kinmen", "matsu"}),
        ('{in = "JPN", include = [], exclude = ["southern-kurils"]}', {"JPN"}),
        ('{in = "JPN", include = []}', {"JPN"}),
        ('{in = "JPN", exclude = ["senkaku", "dokdo", "southern-kurils"]}', {"JPN"}),
        ('{in = "JPN", include = ["senkaku"], exclude = ["dokdo", "southern-kurils"]}', {"JPN", "senkaku"}),
        ('{in = ["JPN", "dokdo"], exclude = ["senkaku", "southern-kurils"]}', {"JPN", "dokdo"}),
        ('{in = "CHN", include = ["TWN"]}', {"CHN", "TWN"}),
        ('{in = "LUX", include = [], exclude = []}', {"LUX"}),
        ('{in = "dokdo"}', {"dokdo"}),
    ],
)
def test_contested_areas_that_a_rule_names(read, territory, covered):
    """What `include` does not name stays out."""
    (made,) = read(book(rule(territory=territory))).rules
    assert made.territory.ids == covered | {f"{id_}.sea12" for id_ in covered}


def test_a_polygon_in_place_of_a_territory(read, tmp_path):
    (tmp_path / "zone.geojson").write_text(json.dumps(SQUARE))
    rule_set = read(book(rule(), rule(id='"r2"', territory='{geojson = "zone.geojson"}')))
    assert rule_set.rules[1].territory.polygon.area == pytest.approx(1.0)
    assert rule_set.regions == (rule_set.rules[1].territory,)


def test_a_file_may_bring_classes_of_its_own(read):
    text = book(rule(who='{classes = ["press"]}'), head='schema = 1\nbook = "operator"\nclasses = ["press"]\n')
    rule_set = read(text)
    assert "press" in rule_set.classes
    assert rule_set.rules[0].selector.classes == {"press"}


def test_an_empty_book_permits_nothing_and_is_none_the_less_a_book(read):
    assert read(book()).rules == ()


def test_several_files_are_one_set_and_one_id_may_stand_in_two_books(read):
    other = book(rule(), head='schema = 1\nbook = "regulator:LUX"\n')
    rule_set = read(book(rule()), other)
    assert [(one.book, one.id) for one in rule_set.rules] == [("operator", "r1"), ("regulator:LUX", "r1")]
    assert [source.rpartition("/")[2] for source in rule_set.sources] == ["a.toml", "b.toml"]


# --- refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        (rule(teritory='{in = "LUX"}'), "rule[0].teritory", "Did you mean territory?"),
        (rule(who='{clases = ["fixed"]}'), "rule[0].who.clases", "Did you mean classes?"),
        (rule(territory='{in = "LUX", includ = []}'), "rule[0].territory.includ", "Did you mean include"),
        (rule(priority="3"), "rule[0].priority", 'there is no key "priority" here. Known keys:'),
        (rule(effect='"allow"'), "rule[0].effect", "'allow'; it must be permit, forbid or suspend"),
        (rule(applies_to='"ship"'), "rule[0].applies_to", "'ship'"),
        (rule(effect=None), "rule[0].effect", "missing"),
        (rule(reason=None), "rule[0].reason", "missing"),
        (rule(id=None), "rule[0].id", "missing"),
        (rule(territory=None), "rule[0].territory", "missing"),
        (rule(territory='"LUX"'), "rule[0].territory", "'LUX'"),
        (rule(review_by='"soon"'), "rule[0].review_by", "'soon'"),
        (rule(emergency='"maybe"'), "rule[0].emergency", "'maybe'; it must be keep or cut"),
        (rule(who='{classes = "fixed"}'), "rule[0].who.classes", "'fixed'"),
    ],
)
def test_a_key_or_value_at_fault_is_named_with_its_place(refusal, text, where, said):
    problem = only(refusal(book(text)))
    assert problem.where == where
    assert said in str(problem)
    assert problem.file.endswith("a.toml")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"who": '{classes = ["fixd"]}'}, 'no class "fixd". Did you mean fixed?'),
        ({"who": '{classes = ["qqq"]}'}, "fixed, portable, vehicle, maritime, aviation, government, emergency"),
        ({"who": "{classes = []}"}, "empty list"),
        ({"territory": "{in = []}"}, "empty list"),
        ({"territory": '{in = "TWM"}'}, "Did you mean"),
        ({"territory": '{in = "Japan"}'}, "Japan is JPN."),
        ({"territory": '{in = ["LUX", "nowhere"]}'}, '"nowhere"'),
        ({"territory": '{in = ""}'}, "no territory"),
        ({"territory": "{}"}, "`in`, `geojson` or `cells`"),
        ({"territory": '{include = ["kinmen"]}'}, "`in`, `geojson` or `cells`"),
        ({"territory": '{in = "LUX", geojson = "zone.geojson"}'}, "`in`, `geojson` or `cells`"),
        ({"territory": '{geojson = "no.geojson"}'}, "no such file"),
        ({"effect": '"forbid"'}, 'a forbid must say emergency = "keep" or "cut"'),
        ({"id": '""'}, "id is empty"),
        ({"id": '" "'}, "id is empty"),
        ({"id": '"nowhere but s"'}, 'id begins with "nowhere but "'),
        ({"id": '"nowhere without s"'}, 'id begins with "nowhere without "'),
        ({"authority": '""'}, "authority is empty"),
        ({"reason": '""'}, "reason is empty"),
        ({"territory": '{in = "JPN", include = ["dokdo"], exclude = ["dokdo"]}'}, 'both includes and excludes "dokdo"'),
        ({"territory": '{in = "JPN", include = ["crimea"]}'}, '"crimea" is not an area contested with JPN'),
        ({"territory": '{in = "LUX", include = ["JPN"]}'}, '"JPN" is not an area contested with LUX'),
        ({"territory": '{in = "high-seas", include = ["TWN"]}'}, '"TWN" is not an area contested'),
        ({"territory": '{in = "JPN", include = ["dokd"]}'}, "Did you mean dokdo?"),
        ({"territory": '{in = ["JPN", "dokdo"], exclude = ["dokdo", "senkaku", "southern-kurils"]}'}, '"dokdo"'),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused(refusal, changed, said):
    problems = refusal(book(rule(**changed)))
    assert said in "\n".join(str(one) for one in problems)


@pytest.mark.parametrize("also", ['include = ["TWN"]', 'exclude = ["JPN"]', "include = []"])
def test_a_polygon_has_no_contested_areas_to_name(refusal, tmp_path, also):
    """What is written and not computed is refused, never passed over."""
    (tmp_path / "zone.geojson").write_text(json.dumps(SQUARE))
    assert also.partition(" ")[0] in str(only(refusal(book(rule(territory=f'{{geojson = "zone.geojson", {also}}}')))))


@pytest.mark.parametrize(
    ("country", "areas"),
    [
        ("JPN", {"senkaku": ("JPN", "CHN, TWN"), "dokdo": ("KOR", "JPN"), "southern-kurils": ("RUS", "JPN")}),
        ("UKR", {"crimea": ("RUS", "UKR"), "kherson-oblast": ("RUS, UKR", "RUS, UKR")}),
        ("TWN", {"kinmen": ("TWN", "CHN"), "matsu": ("TWN", "CHN"), "pratas": ("TWN", "CHN")}),
        ("CHN", {"TWN": ("TWN", "CHN"), "aksai-chin": ("CHN", "IND")}),
        ("SRB", {"XKX": ("XKX", "SRB")}),
    ],
)
def test_a_country_with_contested_areas_must_say_which(refusal, country, areas):
    """The list says who administers each and who claims it, and takes no side."""
    problem = only(refusal(book(rule(territory=f'{{in = "{country}"}}'))))
    for id_, (administered_by, claimed_by) in areas.items():
        assert f"{id_} (administered by {administered_by}, claimed by {claimed_by})" in problem.rule
    assert "include = [...]" in problem.way_out
    assert "exclude = [...]" in problem.way_out


def test_exclude_alone_must_name_all(refusal):
    problem = only(refusal(book(rule(territory='{in = "JPN", exclude = ["southern-kurils"]}'))))
    assert "senkaku" in problem.rule
    assert "dokdo" in problem.rule
    assert "southern-kurils" not in problem.rule


def test_the_areas_of_every_country_of_a_list_are_asked_for(refusal):
    problem = only(refusal(book(rule(territory='{in = ["JPN", "UKR"]}'))))
    assert "crimea" in problem.rule
    assert "dokdo" in problem.rule


def test_an_id_stands_once_in_a_book(refusal):
    problem = only(refusal(book(rule(), rule())))
    assert problem.where == 'rule "r1"'
    assert "stands twice" in problem.rule
    across = only(refusal(book(rule()), book(rule())))
    assert "stands twice" in across.rule


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('schema = 2\nbook = "b"\n', "schema: is 2; this version reads schema 1"),
        ('book = "b"\n', "schema: is missing"),
        ("schema = 1\n", "book: is missing"),
        ('schema = 1\nboook = "b"\n', "Did you mean book?"),
        ('schema = 1\nbook = "b"\nrule = 3\n', "rule: is 3"),
        ('schema = 1\nbook = "b"\nrules = []\n', "Did you mean rule?"),
        ('schema = 1\nbook = "b"\nclasses = "fixed"\n', "classes: is 'fixed'"),
        ("schema == 1", "is not TOML"),
    ],
)
def test_a_file_that_is_no_book(refusal, text, said):
    assert said in "\n".join(str(one) for one in refusal(text))


@pytest.mark.parametrize("schema", ['"1"', "true", "1.0"])
def test_the_schema_is_the_whole_number_1(refusal, schema):
    assert "schema" in str(only(refusal(f'schema = {schema}\nbook = "b"\n')))


@pytest.mark.parametrize("name", ["", " "])
def test_a_book_has_a_name(refusal, name):
    assert "book" in str(only(refusal(f'schema = 1\nbook = "{name}"\n')))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"no\.toml: there is no such file"):
        read_rules([tmp_path / "no.toml"])


# --- all at once --------------------------------------------------------------------------------------------------


def test_every_problem_of_every_file_is_reported(refusal, tmp_path):
    problems = refusal(
        book(rule(territory='{in = "JPN"}'), rule(id='"r2"', who='{classes = ["fixd"]}', territory='{in = "TWM"}')),
        "schema == 1",
        book(rule(priority="3"), head='schema = 1\nbook = "regulator:JPN"\n'),
        book(rule(effect='"suspend"', emergency='"cut"'), head='schema = 1\nbook = "court"\n'),
    )
    said = [(one.file.rpartition("/")[2], one.where) for one in problems]
    assert sorted(said) == [
        ("a.toml", 'rule "r1"'),
        ("a.toml", 'rule "r2"'),
        ("a.toml", 'rule "r2"'),
        ("b.toml", ""),
        ("c.toml", "rule[0].priority"),
        ("d.toml", 'rule "r1"'),
    ]


def test_a_key_at_fault_hides_nothing_else_of_its_file(refusal):
    said = "\n".join(str(one) for one in refusal(book(rule(priority="3"), rule(id='"r2"', territory='{in = "TWM"}'))))
    assert "priority" in said
    assert "TWM" in said


def test_classes_of_one_file_are_known_to_the_others_in_any_order(read):
    """Order never matters, that of files included."""
    names = 'schema = 1\nbook = "registry"\nclasses = ["press"]\n'
    uses = book(rule(who='{classes = ["press"]}'))
    assert read(names, uses).sha256 == read(uses, names).sha256


def test_a_class_at_fault_hides_no_rule(refusal):
    """Which classes there are is then not known, so none is refused."""
    head = 'schema = 1\nbook = "b"\nclasses = ["press", 1]\n'
    rules = rule(who='{classes = ["pres"], groups = []}'), "[[rule]]\n", rule(id='"r2"', territory='{in = "TWM"}')
    said = [(one.where, str(one)) for one in refusal(book(*rules, head=head))]
    assert [where for where, _ in said] == [
        "classes[1]",
        'rule "r1"',
        *(f"rule[1].{key}" for key in ("id", "effect", "territory", "reason")),
        'rule "r2"',
    ]
    assert "who.groups is an empty list" in said[1][1]
    assert "TWM" in said[-1][1]


@pytest.mark.parametrize("head", ["schema = 1\n", 'schema = 1\nbook = ""\n', 'schema = "1"\nbook = "b"\n'])
def test_what_a_file_says_of_itself_hides_no_rule(refusal, head):
    assert [one.where for one in refusal(book(rule(territory='{in = "TWM"}'), head=head))][1:] == ['rule "r1"']


def test_a_rule_that_is_no_table_hides_no_other(refusal, tmp_path):
    rules = [3, {"id": "r2", "effect": "permit", "reason": "x", "territory": {"in": "TWM"}}]
    (tmp_path / "a.json").write_text(json.dumps({"schema": 1, "book": "b", "rule": rules}))
    with pytest.raises(InputError) as refused:
        read_rules([tmp_path / "a.json"])
    assert [one.where for one in refused.value.problems] == ["rule[0]", 'rule "r2"']


GOOD_PERIOD = {"from": '"08:00"', "until": '"17:00"', "zone": '"UTC"'}


@pytest.mark.parametrize(
    ("keys", "hidden"),
    [
        ({"weekly": [{"until": '"25:00"', "zone": '"Asia/Tapei"'}]}, "Did you mean Asia/Taipei"),
        ({"weekly": [{"from": "8"}, {"until": '"24:30"'}, {"zone": '"Asia/Tapei"'}]}, "Did you mean Asia/Taipei"),
        ({"weekly": [{"zone": "3", "from": '"24:00"'}]}, "begins at 24:00"),
        ({"weekly": [{"days": '["mo"]', "zone": '"Asia/Tapei"'}]}, "Did you mean Asia/Taipei"),
        ({"who": '{classes = ["fixd", 1]}'}, "Did you mean fixed?"),
        ({"who": "{classes = [1], groups = []}"}, "who.groups is an empty list"),
        ({"territory": '{in = ["TWM", 1]}'}, 'no territory "TWM"'),
        ({"territory": '{in = "TWM", include = 3}'}, 'no territory "TWM"'),
        ({"territory": '{in = "JPN", include = ["dokd", 3]}'}, "Did you mean dokdo?"),
        ({"conditions": '{speed_kmh_max = "x", home_territory = "TWM"}'}, 'no territory "TWM"'),
        ({"except": '{classes = ["fixd"], speed_kmh_max = "x"}'}, "Did you mean fixed?"),
        ({"land_in": '["TWM", 3]'}, 'no territory "TWM"'),
    ],
)
def test_a_value_at_fault_hides_nothing_beside_it_and_brings_nothing_else(refusal, keys, hidden):
    """Two faults are two problems: the one of a value's form, and the one of what another value names."""
    if "weekly" in keys:
        periods = ", ".join(
            "{" + ", ".join(f"{key} = {value}" for key, value in {**GOOD_PERIOD, **period}.items()) + "}"
            for period in keys["weekly"]
        )
        keys = {"weekly": f"[{periods}]"}
    problems = refusal(book(rule(**keys)))
    assert hidden in str(problems[-1])
    assert [one for one in problems if one.where == 'rule "r1"'] == [problems[-1]]


def test_a_value_of_two_forms_is_told_once(refusal):
    problem = only(refusal(book(rule(territory="{in = 3}"))))
    assert str(problem).endswith("rule[0].territory.in: is 3: should be a valid string or a valid list.")


@pytest.mark.parametrize(
    ("territory", "name"),
    [
        ('{geojson = "no.geojson"}', "no.geojson"),
        ('{cells = "no.txt"}', "no.txt"),
        ('{in = "\\"no.geojson\\""}', "no.geojson"),
    ],
)
def test_a_file_that_is_not_there_is_told_with_the_rule_that_names_it(refusal, tmp_path, territory, name):
    problem = only(refusal(book(rule(territory=territory))))
    assert str(problem) == (
        f'{tmp_path / name}: named by rule "r1" of {tmp_path / "a.toml"}: there is no such file. '
        "Paths are relative to the file that names them."
    )


def test_a_folder_with_a_text_that_is_no_utf_8(tmp_path):
    (tmp_path / "latin.toml").write_bytes("schema = 1 # é".encode("latin-1"))
    with pytest.raises(InputError) as refused:
        read_rules([tmp_path])
    assert [str(one) for one in refused.value.problems] == [
        f"{tmp_path / 'latin.toml'}: cannot be read: byte 13 is 0xe9, which is not UTF-8 there. Save it as UTF-8.",
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"from": "2026-01-01"}, "is 2026-01-01, a day without a time; write 2026-01-01T00:00:00Z"),
        ({"from": '"2026-01-01"'}, "is 2026-01-01, a day without a time; write 2026-01-01T00:00:00Z"),
        ({"until": '"20260101"'}, "is 20260101, a day without a time; write 2026-01-01T00:00:00Z"),
        ({"until": "2026-01-01T00:00:00"}, "is 2026-01-01T00:00:00, without its zone; write 2026-01-01T00:00:00Z"),
        ({"review_by": "2027-01-31T00:00:00Z"}, "review_by: is 2027-01-31T00:00:00Z: should be a valid date"),
        ({"who": "2027-01-31T00:00:00Z"}, "who: is 2027-01-31T00:00:00Z; it must be a table"),
        ({"who": "{classes = [2027-01-31]}"}, "who.classes[0]: is 2027-01-31: should be a valid string"),
        ({"until": "12:00:00"}, "is 12:00:00; write an instant such as"),
    ],
)
def test_instants_are_told_as_they_are_written(refusal, changed, said):
    assert said in str(only(refusal(book(rule(**changed)))))


def test_a_period_that_ends_as_it_begins_is_refused_with_a_way_out(refusal):
    """The whole day to some readers, nothing to others."""
    text = book(rule(weekly='[{from = "08:30", until = "08:30", zone = "UTC"}]'))
    assert "begins and ends at 08:30" in str(only(refusal(text)))
    assert only(refusal(text)).way_out == "A whole day is 00:00 to 24:00."


def test_bounds_are_told_with_all_their_digits(refusal):
    text = book(rule(conditions="{altitude_m_min = 1000000.5, altitude_m_max = 1000000.25}"))
    assert "altitude_m_min = 1000000.5 and up to altitude_m_max = 1000000.25" in str(only(refusal(text)))


@pytest.mark.parametrize(
    "bad", ["\x1b[31mred", "a\x00b", "bell\x07", "two\nlines", "back\u202eward", "page\u2028", "\x9b"]
)
@pytest.mark.parametrize("key", ["id", "authority", "reason", "legal_reference", "book", "classes", "in", "groups"])
def test_a_text_that_commands_terminals_is_refused_and_not_shown(tmp_path, key, bad):
    """Rules are told on terminals and pages: a text must not clear, colour or turn what stands around it."""
    said = {"id": "r1", "effect": "permit", "territory": {"in": "LUX"}, "reason": "licensed"}
    file = {"schema": 1, "book": "b", "rule": [said]}
    places = {"book": "book", "classes": "classes[0]", "in": "rule[0].territory.in", "groups": "rule[0].who.groups[0]"}
    if key == "in":
        said["territory"] = {"in": bad}
    elif key == "groups":
        said["who"] = {"groups": [bad]}
    else:
        (file if key in places else said)[key] = [bad] if key == "classes" else bad
    (tmp_path / "a.json").write_text(json.dumps(file))
    with pytest.raises(InputError) as refused:
        read_rules([tmp_path / "a.json"])
    problem = only(refused.value.problems)
    assert problem.where == places.get(key, f"rule[0].{key}")
    assert "holds the control character U+" in problem.rule
    assert "write it in one line, without" in problem.rule
    assert str(problem).isprintable()


def test_a_key_that_commands_terminals_is_not_shown(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"schema": 1, "book": "b", "\x1b[2J": 1}))
    with pytest.raises(InputError) as refused:
        read_rules([tmp_path / "a.json"])
    assert str(only(refused.value.problems)).isprintable()


def test_words_of_any_script_are_texts(read):
    words = ["Компанія «Зв’язок»", "شبكه\u200cها", "台灣衛星", "réseau 📡"]  # with a joiner as Persian needs it
    (made,) = read(book(rule(reason=f'"{" ".join(words)}"'))).rules
    assert made.reason == " ".join(words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty."),
        ("[" * 100_000 + "]" * 100_000, "too deep. A file of ours is a few levels deep."),
        ('{"a":' * 3_000 + "1" + "}" * 3_000, "too deep. A file of ours is a few levels deep."),
        (f'{{"schema": {"9" * 5_000}}}', "a whole number of 5,000 digits is longer than the 1,000 that are read"),
    ],
    ids=["empty", "lists", "objects", "digits"],
)
def test_json_that_is_none_of_ours_is_told_in_our_words(tmp_path, text, said):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError) as refused:
        read_rules([tmp_path / "a.json"])
    assert said in str(only(refused.value.problems))
