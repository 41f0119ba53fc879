"""What has to be true of a tenant's portal settings: each that is stored fits, as `support.settings.portal` says."""

import json

from support.fixes.findings.parts import MINE, Finding, rows
from support.settings.kinds import Choice, Kind, Line, Links, Number, Switch, Texts
from support.settings.portal import SETTINGS


def _fits(kind: Kind, value: str) -> str:
    """SQL of `kind.fits`; null where there is no such value."""
    match kind:
        case Switch():
            return f"jsonb_typeof({value}) = 'boolean'"
        case Number(least, most):
            whole = f"{value}::text !~ '[.]' AND {value}::numeric BETWEEN {least} AND {most}"
            return f"CASE jsonb_typeof({value}) WHEN 'number' THEN {whole} ELSE jsonb_typeof({value}) = 'number' END"
        case Choice(choices):
            words = ", ".join(f"'{json.dumps(word)}'" for word in choices.values)
            return f"{value} IN ({words})"
        case Line():
            return f"jsonb_typeof({value}) = 'string'"
        case Texts() | Links():
            return (
                f"jsonb_typeof({value}) = 'object' "
                f"AND NOT jsonb_path_exists({value}, 'strict $.* ? (@.type() <> \"string\")', silent => true)"
            )


def _misfit(name: str, kind: Kind) -> str:
    """SQL: the name of a setting that does not fit, else null."""
    fits = _fits(kind, f"(t.values->'{name}')")
    return f"CASE WHEN NOT ({fits}) THEN '{name}' END"


_MISFITS = ", ".join(_misfit(name, one.kind) for name, one in SETTINGS.items())

FINDINGS = [
    Finding(
        "portal_settings",
        "the tenant has no row of portal settings, or one of them does not fit: defaults count",
        "SELECT %(tenant)s::uuid, 'no row' WHERE NOT EXISTS "
        f"(SELECT FROM tenants_portalsettings AS t WHERE {MINE}) UNION ALL "
        f"SELECT t.tenant_id, concat_ws(', ', {_MISFITS}) || ' in ' || t.values FROM tenants_portalsettings AS t "
        f"WHERE {MINE} AND num_nonnulls({_MISFITS}) > 0",
        # What counts stays as it is.
        (
            f"UPDATE tenants_portalsettings AS t SET values = t.values - ARRAY[{_MISFITS}]::text[] "
            f"WHERE {MINE} AND t.tenant_id = ANY (%(keys)s)",
            "INSERT INTO tenants_portalsettings (tenant_id, updated_at) VALUES (%(tenant)s, now()) ON CONFLICT DO NOTHING",
        ),
        rows("tenants_portalsettings", key="tenant_id"),
    ),
]
