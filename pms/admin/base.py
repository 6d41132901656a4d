"""What every page of the support desk obeys: it shows, it never changes, and it shows only what is named.

A page of a model is made from its ``fields``: no other column is shown, filtered or sorted by, or even fetched from the
database (but for its key). System checks refuse a page that names a sealed, secret or patient's column.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.checks import ModelAdminChecks
from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR, ShowFacets
from django.core.checks import CheckMessage, Error
from django.core.exceptions import FieldDoesNotExist, PermissionDenied, SuspiciousOperation
from django.db.models import BinaryField, Field, ForeignKey, Model, Q, QuerySet, UUIDField
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

from pms.domain import redaction

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Model]
else:
    _ModelAdmin = admin.ModelAdmin

NOT_SHOWN = "not shown"

# Sealed columns are found by their type; these hold digests, secrets or what points at a person.
_NEVER = re.compile(
    r"password|patient_id|guarantor_id|is_minor|record_id|idempotency_key|cache_key|request_summary"
    r"|(.*_)?(hash|digest|sha256|token|secret|secrets)"
)
_CODE = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_FOREIGN_KEY_LOOKUPS = frozenset({"", "exact", "id__exact"})


def never_shown(field: Field[Any, Any]) -> bool:
    """Return whether a column may be on no page at all."""
    return isinstance(field, BinaryField) or bool(_NEVER.fullmatch(field.name))


def reads(*columns: str, label: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Mark a method as a shown value that is made from ``columns``, which are fetched for it and not shown as such."""

    def mark(method: Callable[..., object]) -> Callable[..., object]:
        method.reads = columns  # type: ignore[attr-defined]
        return admin.display(description=label)(method)

    return mark


def code(column: str, label: str = "") -> Callable[..., object]:
    """Return a shown value for a column that should hold a code: anything else in it is not shown."""

    @reads(column, label=label or column.replace("_", " "))
    def shown(_admin: object, row: Model) -> object:
        return as_code(getattr(row, column))

    return shown


def chosen(column: str, *keys: str, label: str = "") -> Callable[..., object]:
    """Return a shown value for a JSON object of which only ``keys`` are shown, one a line."""

    @reads(column, label=label or column.replace("_", " "))
    def shown(_admin: object, row: Model) -> object:
        stored = getattr(row, column)
        values = stored if isinstance(stored, dict) else {}
        return "\n".join(f"{key}: {_plain(values[key])}" for key in keys if key in values) or None

    return shown


def as_code(value: object) -> str | None:
    """Return ``value`` if it reads like a code of ours or of a vendor's, ``None`` if there is none."""
    if value is None or value == "":
        return None
    text = str(value)
    safe = _CODE.fullmatch(text) and redaction.allowed({"code": text})["code"] == text
    return text if safe else NOT_SHOWN


class ReadOnlyChecks(ModelAdminChecks):
    """Refuses pages that name what must not be shown."""

    def check(self, admin_obj: Any, **kwargs: Any) -> list[CheckMessage]:
        found = super().check(admin_obj, **kwargs)
        return [*found, *self._named(admin_obj), *self._beyond_fields(admin_obj)]

    def _named(self, admin_obj: Any) -> Iterator[CheckMessage]:
        named = {*admin_obj.columns(), *admin_obj.list_display, *admin_obj.search_fields}
        for path in sorted(named):
            if any(never_shown(field) for field in _fields_on(admin_obj.model, path)):
                yield Error(f"{path} may be on no page.", obj=admin_obj.__class__, id="pms.admin.E001")

    def _beyond_fields(self, admin_obj: Any) -> Iterator[CheckMessage]:
        sorted_by = {name.removeprefix("-") for name in admin_obj.ordering or ()}
        for name in sorted({*admin_obj.list_display, *admin_obj.list_filter, *sorted_by} - admin_obj.columns()):
            yield Error(f"{name} is not one of the page's fields.", obj=admin_obj.__class__, id="pms.admin.E002")


class ReadOnlyAdmin(_ModelAdmin):
    """Lists and detail pages of one model, for looking at. Subclasses name ``fields``, ``list_display`` and the search.

    ``list_display`` and ``list_filter`` name only what ``fields`` names. ``search_fields`` name ids, confirmation
    numbers, names of accounts and numbers of lines. A search for a UUID also finds the rows that point at it.
    """

    search_help_text = "An id, or the name of an account."

    actions = None
    checks_class = ReadOnlyChecks
    change_form_template = "admin/read_only/change_form.html"
    list_max_show_all = 0
    list_per_page = 50
    show_facets = ShowFacets.NEVER
    show_full_result_count = False
    view_on_site = False

    # What may be fetched

    def columns(self) -> set[str]:
        """Return the names that are shown, and the columns that shown values are made from."""
        names = {str(name) for name in self.fields or ()}
        for name in tuple(names):
            names.update(getattr(getattr(self, name, None), "reads", ()))
        return names

    def concealed(self) -> list[str]:
        """Return the model's columns that its pages do not need."""
        names = self.columns()
        return [f.name for f in self.model._meta.concrete_fields if f.name not in names and not f.primary_key]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Fetch the shown columns only: what is sealed does not leave the database for a support page."""
        shown = self.columns()
        deferred = self.concealed()
        relations = [f for f in self.model._meta.concrete_fields if isinstance(f, ForeignKey) and f.name in shown]
        for relation in relations:
            page = self.admin_site._registry.get(relation.related_model)
            if isinstance(page, ReadOnlyAdmin):
                deferred += [f"{relation.name}__{name}" for name in page.concealed()]
        rows = super().get_queryset(request).defer(*deferred)
        return rows.select_related(*(f.name for f in relations)) if relations else rows

    def heading(self, row: Model) -> str:
        """Return what a row is called on its own page."""
        return str(row)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        try:
            wanted = uuid.UUID(search_term.strip())
        except ValueError:
            return found, may_repeat
        shown = self.columns()
        paths = [f.name for f in self.model._meta.concrete_fields if f.name in shown and _is_uuid(f)]
        return found | queryset.filter(Q.create([(path, wanted) for path in paths], connector=Q.OR)), may_repeat

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Allow the page's filters and its foreign keys: any other column could be guessed letter by letter."""
        name, _, rest = lookup.partition("__")
        try:
            field = self.model._meta.get_field(name)
        except FieldDoesNotExist:
            return False
        if field.is_relation:
            return name in self.columns() and rest in _FOREIGN_KEY_LOOKUPS
        return name in self.list_filter

    # What may be done

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # The site's autocomplete view asks for nothing else, whatever the page has declared.
        match = request.resolver_match
        if match is not None and match.url_name == "autocomplete":
            return False
        return super().has_view_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return _refusal(request) or super().changelist_view(request, extra_context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        return _refusal(request) or super().changeform_view(request, object_id, form_url, extra_context)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Model | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context["subtitle"] = self.heading(obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def history_view(self, *_args: Any, **_kwargs: Any) -> HttpResponse:
        raise PermissionDenied


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """Refuse what a page for looking at has no use for."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    if IS_POPUP_VAR in request.GET or TO_FIELD_VAR in request.GET:
        raise PermissionDenied
    if "\x00" in request.path or any("\x00" in value for _, values in request.GET.lists() for value in values):
        raise SuspiciousOperation("PostgreSQL takes no NUL in a text.")
    return None


def _is_uuid(field: Field[Any, Any]) -> bool:
    return isinstance(field.target_field if isinstance(field, ForeignKey) else field, UUIDField)


def _fields_on(model: type[Model], path: str) -> Iterator[Field[Any, Any]]:
    """Yield the fields that a path such as ``account__name`` goes through."""
    for part in path.lstrip("=^@-").split("__"):
        try:
            field: Any = model._meta.get_field(part)
        except FieldDoesNotExist:  # a method, or a lookup such as ``exact``
            return
        if isinstance(field, Field):
            yield field
        if field.related_model is not None:
            model = field.related_model


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | str):
        return str(value)[:120]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)[:600]
    return NOT_SHOWN
