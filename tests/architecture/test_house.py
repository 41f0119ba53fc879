"""What import-linter cannot see: relations by string, size of files, translations, database rules of every table."""

import re
from pathlib import Path

import polib
import pytest
from django.apps import apps
from django.db.models import Model

from ondi.common.database import TenantForeignKey
from tests.messages import APPS, LANGUAGES, catalogue, superfluous, untranslated

ROOT = Path(__file__).resolve().parents[2]
LAYERS = (
    "ondi.api",
    "ondi.tenants",
    "ondi.accounts",
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_is_translated(language):
    assert not untranslated(language)
    assert not superfluous(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_is_compiled(language):
    compiled = polib.mofile(str(catalogue(language).with_suffix(".mo")))
    source = polib.pofile(str(catalogue(language)))
    as_dict = {entry.msgid: (entry.msgstr, entry.msgstr_plural) for entry in source}
    assert {entry.msgid: (entry.msgstr, entry.msgstr_plural) for entry in compiled} == as_dict


def test_every_promise_of_security_md_names_tests_that_exist():
    promised = re.findall(r"`(tests/[\w/]+\.py)((?:::\w+)*)`", (ROOT / "SECURITY.md").read_text())
    assert len(promised) > 30
    for path, names in promised:
        source = (ROOT / path).read_text()
        for name in filter(None, names.split("::")):
            assert re.search(rf"^\s*(?:def|class) {name}\b", source, re.MULTILINE), f"{path}{names}"
