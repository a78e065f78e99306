"""Are the elements of blocks what Slack takes: buttons, menus, images ("Block elements")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from longshore_slack.testing.objects import Check, at, listed, text_object

if TYPE_CHECKING:
    from longshore_slack.testing.answers import Json

_MENUS: Final = ("static_select", "multi_static_select", "overflow", "radio_buttons", "checkboxes")
_OTHERS: Final = (
    "users_select", "conversations_select", "channels_select", "external_select", "multi_users_select",
    "multi_conversations_select", "multi_channels_select", "multi_external_select", "datepicker",
    "timepicker", "datetimepicker", "workflow_button",
)  # fmt: skip
_MOST_OPTIONS: Final = {"overflow": 5, "radio_buttons": 10, "checkboxes": 10}


def check_element(check: Check, value: Any, where: str) -> None:
    """Look at one element."""
    if not isinstance(value, dict):
        check.wrong("must be an object", where)
        return
    element = cast("Json", value)
    kind = element.get("type")
    check.text(element, "action_id", where, 255)
    if kind == "button":
        _button(check, element, where)
    elif kind == "image":
        _image(check, element, where)
    elif kind in _MENUS:
        _menu(check, element, where, _MOST_OPTIONS.get(str(kind), 100))
    elif kind not in _OTHERS:
        check.wrong(f"unsupported type: {kind}", at(where, "type"))


def _button(check: Check, element: Json, where: str) -> None:
    text_object(check, element.get("text"), at(where, "text"), 75, only="plain_text")
    check.text(element, "url", where, 3_000)
    check.text(element, "value", where, 2_000)
    check.text(element, "accessibility_label", where, 75)
    if element.get("style") not in (None, "primary", "danger"):
        check.wrong("must be a valid enum value: primary, danger", at(where, "style"))


def _image(check: Check, element: Json, where: str) -> None:
    if "slack_file" not in element:
        check.text(element, "image_url", where, 3_000, needed=True)
    check.text(element, "alt_text", where, 2_000, needed=True)


def _menu(check: Check, element: Json, where: str, most: int) -> None:
    if "placeholder" in element:
        text_object(check, element["placeholder"], at(where, "placeholder"), 150, only="plain_text")
    if "option_groups" in element:
        return
    for option, place in listed(check, element, "options", where, most, needed=True):
        known: Json = cast("Json", option) if isinstance(option, dict) else {}
        text_object(check, known.get("text"), at(place, "text"), 75)
        check.text(known, "value", place, 150, needed=True)
