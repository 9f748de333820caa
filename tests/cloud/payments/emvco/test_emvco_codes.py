"""EMVCo codes: published samples read to the letter, whatever is written is read back, and no slip goes unseen."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vendomat.cloud.payments import (
    Field,
    MachineLabel,
    MerchantCode,
    decode_merchant_code,
    encode_merchant_code,
    label_code,
)
from vendomat.cloud.payments.emvco.wire import check_sum_of, seal, write_fields
from vendomat.kernel import ErrorCode, Money, VendomatError

DYNAMIC = (
    "00020101021252044131153137210116372101160123456789ABCDE6010Phnom Penh5913Merchant Shop5802KH540510.005303840"
    "622501081234567802090124444446304A0BA"
)
STATIC = (
    "000201010211057704736a2f41a3-c54c-fce8-32d2-0324e1c32e22*3440e5bf-81ca-4c5f-a1b2-cf989f09a0395204502453038405"
    "4031005802US5913Test Merchant6008New York62080304123463046F6D"
)
"""Two public sample codes (card schemes in fields 15 and 05; figures only, with the sums they were published with)."""

REFERENCE = Path(__file__).parents[5] / "shared" / "reference" / "payment-vectors.json"

LABEL = MachineLabel(
    scheme="sg.paynow",
    account=(Field("01", "2"), Field("02", "201912345A"), Field("03", "1")),
    name="Vendomat Demo",
    city="Singapore",
    country="SG",
    currency="SGD",
    machine="A-17",
)


def broken(text: str, change: str | None = None) -> VendomatError:
    """How `text` is refused; with `change`, a body that is sealed anew, so that only what it says is wrong."""
    with pytest.raises(VendomatError) as refusal:
        decode_merchant_code(seal(change) if change is not None else text)
    return refusal.value


def is_code(text: str) -> bool:
    try:
        decode_merchant_code(text)
    except VendomatError:
        return False
    return True


class TestPublishedSamples:
    def test_the_check_sum_of_the_standard_text(self):
        assert check_sum_of("123456789") == "29B1"

    def test_a_dynamic_code(self):
        code = decode_merchant_code(DYNAMIC)
        assert (code.name, code.city, code.country, code.category) == ("Merchant Shop", "Phnom Penh", "KH", "4131")
        assert (code.is_static, code.amount) == (False, Money(1000, "USD"))
        assert [(one.id, one.value, one.scheme) for one in code.accounts] == [
            ("15", "37210116372101160123456789ABCDE", "")
        ]
        assert code.additional == {"01": "12345678", "02": "012444444"}

    def test_a_static_code(self):
        code = decode_merchant_code(STATIC)
        assert (code.name, code.city, code.is_static) == ("Test Merchant", "New York", True)
        assert code.amount == Money(10_000, "USD")
        assert [one.id for one in code.accounts] == ["05"]
        assert code.additional == {"03": "1234"}

    @pytest.mark.parametrize("text", [DYNAMIC, STATIC])
    def test_written_again_to_the_letter_and_in_their_order(self, text: str):
        assert encode_merchant_code(decode_merchant_code(text)) == text

    def test_all_of_the_reference(self):
        if not REFERENCE.exists():
            pytest.skip("the folder with reference vectors is not here; the figures above were taken from it")
        vectors = json.loads(REFERENCE.read_text())["emv_crc"]
        assert check_sum_of(vectors["check"]["ascii"]) == vectors["check"]["crc"]
        for sample in vectors["samples"]:
            text = sample["payload_without_crc"] + sample["crc"]
            assert encode_merchant_code(decode_merchant_code(text)) == text


class TestASlip:
    @pytest.mark.parametrize("text", [DYNAMIC, STATIC])
    def test_any_changed_character_is_refused(self, text: str):
        assert is_code(text)
        for at, right in enumerate(text):
            for wrong in string.printable + "é长":
                if wrong == right:
                    continue
                assert not is_code(text[:at] + wrong + text[at + 1 :]), f"{wrong!r} at {at} was not seen"

    def test_any_two_neighbours_exchanged_are_refused(self):
        for at in range(len(STATIC) - 1):
            if STATIC[at] != STATIC[at + 1]:
                broken(STATIC[:at] + STATIC[at + 1] + STATIC[at] + STATIC[at + 2 :])

    def test_any_cut_is_refused(self):
        for length in range(len(STATIC)):
            broken(STATIC[:length])
            broken(STATIC[length + 1 :])

    @given(st.text(max_size=600))
    def test_no_text_at_all_is_anything_but_read_or_refused(self, text: str):
        try:
            assert encode_merchant_code(decode_merchant_code(text)) == text
        except VendomatError as refusal:
            assert refusal.code is ErrorCode.MALFORMED


BODY = STATIC[:-8]


class TestWhatIsWrongAndWhere:
    @pytest.mark.parametrize(
        ("changed", "path", "at"),
        [
            (BODY.replace("5204", "52A4"), "52", BODY.index("5204") + 2),
            (BODY.replace("52045024", "520450x4"), "52", BODY.index("52045024") + 4),
            (BODY + "8009ab", "80", len(BODY) + 4),
            (BODY + "5802US", "58", len(BODY)),
            (BODY.replace("5802US", "5802us"), "58", BODY.index("5802US") + 4),
            (BODY.replace("5403100", "5400"), "54", BODY.index("5403100") + 2),
            (BODY.replace("5403100", "54031.x"), "54", BODY.index("5403100") + 4),
            (BODY.replace("5403100", "540410.5") + "5901A", "59", len(BODY) + 1),
            (BODY.replace("62080304", "62080305"), "62.03", BODY.index("62080304") + 8),
            (BODY + "2605000ab", "26.00", len(BODY) + 6),
            (BODY + "26060102ab", "26.00", len(BODY) + 4),
            (BODY + "6304ABCD", "63", len(BODY)),
            (BODY[6:], "00", 0),
            (BODY.replace("010211", "010213"), "01", 10),
            (BODY.replace("6008New York", ""), "60", len(BODY) - 12),
            (BODY + "6410000", "64", len(BODY) + 4),
        ],
    )
    def test_the_refusal_names_field_and_character(self, changed: str, path: str, at: int):
        refusal = broken("", changed)
        assert (refusal.detail["path"], refusal.detail["at"]) == (path, at)

    def test_nobody_to_be_paid(self):
        at = BODY.index("0577")
        assert broken("", BODY[:at] + BODY[at + 81 :]).detail["path"] == "26"

    def test_an_amount_finer_than_the_currency(self):
        refusal = broken("", BODY.replace("5403100", "54051.005"))
        assert (refusal.detail["path"], refusal.detail["at"]) == ("54", BODY.index("5403100"))

    def test_an_amount_of_nothing(self):
        assert broken("", BODY.replace("5403100", "54040.00")).detail["path"] == "54"

    def test_a_currency_nobody_here_knows_keeps_its_amount_as_text(self):
        code = decode_merchant_code(seal(BODY.replace("5303840", "5303116")))
        assert (code.currency, code.amount, code.get("53"), code.get("54")) == ("", None, "116", "100")

    def test_a_check_sum_in_small_letters(self):
        assert broken(STATIC[:-4] + STATIC[-4:].lower()).detail["path"] == "63"

    def test_longer_than_a_code_may_be(self):
        long = BODY + "".join(f"{number}99{'x' * 99}" for number in range(80, 85))
        with pytest.raises(VendomatError, match="512"):
            seal(long)
        broken(long + "6304" + check_sum_of(long + "6304"))


class TestALabel:
    def test_what_it_says_is_read_back(self):
        text = encode_merchant_code(label_code(LABEL))
        code = decode_merchant_code(text)
        assert text.startswith("0002010102112637")
        assert (code.is_static, code.terminal, code.currency, code.amount) == (True, "A-17", "SGD", None)
        (account,) = code.accounts
        assert (account.scheme, account.fields[1:]) == ("sg.paynow", LABEL.account)

    @pytest.mark.parametrize(
        ("amount", "text"),
        [(Money(350, "SGD"), "3.50"), (Money(500, "JPY"), "500"), (Money(1250, "KWD"), "1.250")],
    )
    def test_an_amount_has_its_currencys_digits(self, amount: Money, text: str):
        label = MachineLabel(**{**_fields(LABEL), "currency": amount.currency, "amount": amount})
        code = decode_merchant_code(encode_merchant_code(label_code(label)))
        assert (code.amount, code.get("54")) == (amount, text)

    @pytest.mark.parametrize(
        "change",
        [
            {"name": "x" * 26},
            {"name": "自动售货机"},
            {"city": ""},
            {"country": "sg"},
            {"currency": "XXX"},
            {"category": "58"},
            {"machine": "x" * 26},
            {"account_id": "25"},
            {"scheme": ""},
            {"scheme": "x" * 33},
            {"amount": Money(350, "USD")},
            {"amount": Money(0, "SGD")},
            {"amount": Money(10**14, "SGD")},
        ],
    )
    def test_what_cannot_be_written_is_refused(self, change: dict[str, object]):
        with pytest.raises(VendomatError) as refusal:
            label_code(MachineLabel(**{**_fields(LABEL), **change}))
        assert refusal.value.code is ErrorCode.MALFORMED


def _fields(label: MachineLabel) -> dict[str, object]:
    return {name: getattr(label, name) for name in MachineLabel.__slots__}


PRINTABLE = st.text(alphabet=string.ascii_letters + string.digits + " .-*#/:", min_size=1, max_size=10)
ANYTHING = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=10)


@st.composite
def codes(draw: st.DrawFn) -> MerchantCode:
    """A code with accounts, an amount, and fields that nobody here knows, in any order but the first."""
    scheme = Field("00", draw(PRINTABLE))
    fields = [
        Field(draw(st.sampled_from(["26", "40", "51"])), write_fields((scheme, Field("05", draw(ANYTHING))))),
        Field("52", draw(st.sampled_from(["5814", "5999"]))),
        Field("53", draw(st.sampled_from(["156", "392", "414", "116"]))),
        Field("58", "CN"),
        Field("59", draw(PRINTABLE)),
        Field("60", draw(PRINTABLE)),
        *(Field(number, draw(ANYTHING)) for number in draw(st.sets(st.sampled_from(["65", "79", "80", "99"])))),
    ]
    if draw(st.booleans()):
        fields.append(Field("54", str(draw(st.integers(1, 10**9)))))
    return MerchantCode((Field("00", "01"), *draw(st.permutations(fields))))


@given(codes())
@settings(max_examples=150)
def test_whatever_is_written_is_read_back(code: MerchantCode):
    text = encode_merchant_code(code)
    assert decode_merchant_code(text) == code
    assert encode_merchant_code(decode_merchant_code(text)) == text
