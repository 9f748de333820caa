"""The fault scenarios by number: what goes wrong, and what must come of it. Data for `draw_faults.py`.

`UNTESTED` gives the reason for each number that no test carries; a number with neither breaks the build.
"""

from __future__ import annotations

FAULTS: dict[str, list[tuple[str, str, str]]] = {
    "Payment": [
        ("F01", "the platform never sends a notice", "asking finds the payment; the goods come"),
        ("F02", "one notice fifty times at once, on two workers", "one payment, one command, every copy answered"),
        (
            "F03",
            "the notice is quicker than the answer that gave the code",
            "taken: the order was there before the call",
        ),
        ("F04", "a notice with a wrong signature, amount, account or age", "refused, noted, nothing changes"),
        ("F05", "paid after the code's end", "no goods; all of it goes back"),
        ("F06", "no answer to the call that asks for a code", "asked again under the same number, or closed"),
        ("F07", "closing and paying meet", "the platform's word decides; goods or refund, never both"),
        ("F08", "both codes of one order are paid", "the first buys, the second goes back"),
        ("F09", "a payer's barcode waits for its owner", "asked until known, else reversed"),
        ("F10", "killed after asking for a refund; the platform fails twenty times", "one number, one refund"),
        ("F11", "a refund is refused", "it stays owed, raises an alarm, survives restarts"),
        (
            "F12",
            "a platform is away for hours",
            "paid goods still come; the channel is not offered; the rest is caught up",
        ),
        ("F13", "the platform knows a payment that the database lost", "booked as nobody's and given back"),
        ("F14", "one item of several with a reduction fails", "exactly its share goes back"),
    ],
    "Cloud": [
        (
            "F15",
            "killed between the commit of a payment and the publishing of its command",
            "published after the restart",
        ),
        ("F16", "killed after publishing a command", "sent again under the same id; one start"),
        ("F17", "killed between the outcome's commit and the refund call", "asked once, later"),
        ("F18", "PostgreSQL killed under load; a standby takes over", "nothing acknowledged is lost"),
        ("F19", "a deadlock or serialisation failure at each statement", "begun again, with no second outside effect"),
        ("F20", "the database is full or read-only", "no new order, so no money; the health page says so"),
        ("F21", "a worker sleeps while it holds work", "what it then writes is refused as old"),
        ("F22", "the cloud's clock jumps", "no refund or expiry before its time"),
        (
            "F23",
            "programs of two versions side by side",
            "both understand, unknown fields are kept, no order is stranded",
        ),
    ],
    "Wire": [
        ("F24", "a command is lost", "sent again, then fenced, then refunded"),
        ("F25", "commands doubled, out of order, of an older run", "one start; the old is refused"),
        ("F26", "a command hours late", "refused as expired; no motor"),
        ("F27", "the report of a vend is lost a hundred times", "repeated until acknowledged; delivered"),
        ("F28", "the NATS server is killed and its folder wiped", "nothing is lost; machines come back by themselves"),
        ("F29", "a connection that is open on one side only", "found within one and a half heartbeats; a vend goes on"),
        ("F30", "two machines with one key", "found by the next heartbeat; no second start"),
        ("F31", "a line that flaps, loses, crawls", "progress, bounded queues"),
        ("F32", "all machines reconnect at once", "all are back soon; no order dies of it"),
    ],
    "Terminal": [
        ("F33", "power cut before the intent is durable", "the command, sent again, vends once"),
        ("F34", "power cut after the intent, before the motor", "unknown, refunded at its deadline; no motor"),
        ("F35", "power cut while the motor turns", "as F34, booked as ambiguous"),
        ("F36", "power cut after the drop, before the outcome is durable", "as F35"),
        ("F37", "power cut after the outcome, before the report", "reported after the restart; no motor"),
        ("F38", "the terminal's disk is full, fails, or is read-only", "selling stops before money, recording goes on"),
        ("F39", "the journal is torn or damaged", "a torn end is cut, damage is put aside, never read as empty"),
        ("F40", "the machine's clock is wrong or steps", "the vend does not notice; times are marked"),
        ("F41", "ten restarts in a row", "nothing is repeated; selling locks"),
        ("F42", "program and journal of different ages", "refused or migrated; nothing lost"),
        ("F43", "an old disk image is put back", "noticed by the epoch; open commands are fenced"),
    ],
    "Hardware, cash, abuse": [
        ("F44", "a jam", "bounded turns in one start, refund, slot closed"),
        ("F45", "the sensor misses a drop", "goods and money with the buyer: a class of its own, counted"),
        ("F46", "the sensor is stuck or sees ghosts", "not for sale"),
        ("F47", "the motor board falls silent after the start", "bounded wait, unknown, never repeated"),
        ("F48", "the door opens while the motor turns", "the motor stops; unknown"),
        ("F49", "power cut with a coin in escrow", "credited or returned"),
        ("F50", "thirty days without a link", "everything is uploaded in order while selling goes on"),
        ("F51", "one pickup code at two machines", "good at one"),
        ("F52", "a machine that reports every vend as failed", "refunds are capped and wait for a person"),
        ("F53", "a captured command played again or to another machine", "refused"),
        ("F54", "a refund is asked for while the motor turns", "one outcome"),
    ],
}

UNTESTED: dict[str, str] = {
    "F09": "no payer barcode is taken yet: the terminal has no scanner driver, so no such payment can begin",
    "F49": "no cash yet: no coin is accepted, so none can be in escrow",
}
