"""What import-linter cannot see: relations by string, size of files, translations, database rules of every table."""

import re
from pathlib import Path

import polib
import pytest
from django.apps import apps
from django.db.models import Model

from ondi.common.database import TenantForeignKey
from ondi.outbox.apps import MODULES
from tests.messages import APPS, LANGUAGES, catalogue, superfluous, untranslated

ROOT = Path(__file__).resolve().parents[2]
LAYERS = (
    "ondi.api",
    "ondi.tenants",
    "ondi.outbox",
    "ondi.accounts",
    "ondi.files",
    "ondi.streaming",
    "ondi.notifications",
    "ondi.webhooks",
    "ondi.staff",
    "ondi.datafixes",
    "orders",
    "deliveries",
    "conversations",
    "support",
)
SIDE_BY_SIDE = {("deliveries", "conversations"), ("conversations", "deliveries")}
OUR_MODELS = [model for model in apps.get_models() if model._meta.app_config.name in LAYERS]
LONGEST_FILE = 400
BYTES_OF_SCRIPTS = 60_000  # loaded as they are, comments included
REGISTERS = re.compile(r"^@(subscribe|every|worker)\(", re.MULTILINE)


def test_every_app_of_ours_has_its_layer():
    ours = {app.name for app in apps.get_app_configs() if app.name.split(".")[0] in APPS and app.models_module}
    assert ours - set(LAYERS) == set(), "say in LAYERS, lowest first, where this app stands"


def test_what_the_work_process_does_stands_where_it_is_found():
    files = [path.relative_to(ROOT) for app in APPS for path in (ROOT / app).rglob("*.py")]
    registering = [str(path) for path in files if REGISTERS.search((ROOT / path).read_text())]
    assert len(registering) >= 2
    lost = [path for path in registering if Path(path).stem not in MODULES]
    assert lost == [], f"nothing imports them; what is registered stands in {' or '.join(MODULES)} of its app"


def layer(model: type[Model]) -> int:
    return LAYERS.index(model._meta.app_config.name)


@pytest.mark.parametrize("model", OUR_MODELS, ids=lambda model: model._meta.label)
def test_relations_lead_downward_only(model):
    for field in model._meta.get_fields(include_hidden=False):
        target = field.related_model
        if field.auto_created or target is None or target not in OUR_MODELS:
            continue
        pair = (model._meta.app_config.name, target._meta.app_config.name)
        assert layer(target) <= layer(model), f"{field} leads upward"
        assert pair not in SIDE_BY_SIDE, f"{field} leads sideways"
        if pair[0] != pair[1] and field.one_to_one is False:
            assert field.remote_field.related_name == "+", f"{field} puts a name onto a lower app"


@pytest.mark.parametrize("model", OUR_MODELS, ids=lambda model: model._meta.label)
def test_links_between_tenant_rows_are_tenant_links(model):
    owned = {found for found in OUR_MODELS if "tenant_id" in {field.attname for field in found._meta.fields}}
    if model not in owned:
        return
    for field in model._meta.fields:
        if field.related_model in owned and field.name != "tenant":
            assert isinstance(field, TenantForeignKey), f"{field} is not tied to its tenant"


def test_no_file_is_longer_than_its_reader_can_hold():
    files = [path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]
    too_long = {str(path) for path in files if len(path.read_text().splitlines()) > LONGEST_FILE}
    assert len(files) > 100
    assert not too_long


def test_scripts_of_the_pages_stay_small_together():
    sizes = {path.name: path.stat().st_size for app in APPS for path in (ROOT / app).rglob("static/**/*.js")}
    assert "workbench.js" in sizes
    assert sum(sizes.values()) < BYTES_OF_SCRIPTS, sizes


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_is_translated(language):
    assert untranslated(language) == set(), f"write them into {catalogue(language).relative_to(ROOT)}: make messages"
    assert superfluous(language) == set(), f"take them out of {catalogue(language).relative_to(ROOT)}: make messages"


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_is_compiled(language):
    compiled = polib.mofile(str(catalogue(language).with_suffix(".mo")))
    source = polib.pofile(str(catalogue(language)))
    as_dict = {entry.msgid: (entry.msgstr, entry.msgstr_plural) for entry in source}
    assert {entry.msgid: (entry.msgstr, entry.msgstr_plural) for entry in compiled} == as_dict, "make messages"


def test_every_promise_of_security_md_names_tests_that_exist():
    promised = re.findall(r"`(tests/[\w/]+\.py)((?:::\w+)*)`", (ROOT / "SECURITY.md").read_text())
    assert len(promised) > 30
    for path, names in promised:
        source = (ROOT / path).read_text()
        for name in filter(None, names.split("::")):
            assert re.search(rf"^\s*(?:def|class) {name}\b", source, re.MULTILINE), f"{path}{names}"
