"""I11 for what machines are wanted to hold: what is sold is what was published, and of goods that are in use."""

from __future__ import annotations

from vendomat.audit.model import Check

_SOLD = """
    SELECT merchant_id, machine_id, jsonb_agg(jsonb_build_object('slot', slot, 'product_id', product_id,
        'price_minor', price_minor, 'capacity', capacity) ORDER BY slot) AS slots
    FROM planogram_slot GROUP BY merchant_id, machine_id
"""
_PUBLISHED = """
    SELECT v.merchant_id, v.machine_id, v.version, v.wanted,
        (SELECT jsonb_agg(e ORDER BY e ->> 'slot') FROM jsonb_array_elements(v.slots) e) AS slots
    FROM planogram_version v
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "I11.planogram",
        "A machine sells other goods, or at other prices, than were published for it",
        "Prices were changed past the console, or a published change did not arrive.",
        f"""
        SELECT p.merchant_id, p.machine_id, p.version FROM planogram p
        LEFT JOIN ({_PUBLISHED}) v USING (merchant_id, machine_id, version)
        LEFT JOIN ({_SOLD}) s USING (merchant_id, machine_id)
        WHERE p.version > 0 AND (s.slots IS DISTINCT FROM v.slots OR p.wanted IS DISTINCT FROM v.wanted)
        """,
    ),
    Check(
        "I11.put_away",
        "A machine sells a product that was put away",
        "A product that nobody keeps any more is still offered to buyers.",
        """
        SELECT s.merchant_id, s.machine_id, s.slot, s.product_id FROM planogram_slot s
        JOIN product d USING (merchant_id, product_id) WHERE d.archived_at IS NOT NULL
        """,
    ),
)
