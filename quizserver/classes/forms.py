"""The forms of the class pages, with the messages of their checks."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import EmailField, StringField, ValidationError
from wtforms.validators import InputRequired, Length

from quizserver.accounts.model import normalise_email
from quizserver.translation import N_, gettext
from quizserver.visible_text import line_fault, normalise_line

TITLE_MAX = 200
NAME_MAX = 100


def _validate_line(field: StringField, max_length: int) -> None:
    """Allows one line of visible characters: nothing that misleads those who read it."""
    field.data = normalise_line(field.data or "")
    fault = line_fault(field.data)
    if fault:
        raise ValidationError(fault)
    if len(field.data) > max_length:
        raise ValidationError(gettext("Use at most %(count)s characters.", count=max_length))


class TitleForm(FlaskForm):  # type: ignore[misc]
    title = StringField(
        N_("Title"), render_kw={"maxlength": TITLE_MAX, "required": True, "autocomplete": "off"}
    )

    def validate_title(self, field: StringField) -> None:
        _validate_line(field, TITLE_MAX)
        if not field.data:
            raise ValidationError(gettext("Give the class a title."))


class CodeForm(FlaskForm):  # type: ignore[misc]
    code = StringField(
        N_("Join code"),
        validators=[InputRequired(N_("Write the code that your instructor gave you."))],
        render_kw={"maxlength": 40, "autocomplete": "off", "autocapitalize": "characters"},
    )


class NameForm(FlaskForm):  # type: ignore[misc]
    name = StringField(N_("Your name in this class"), render_kw={"maxlength": NAME_MAX})

    def validate_name(self, field: StringField) -> None:
        _validate_line(field, NAME_MAX)


class InstructorForm(FlaskForm):  # type: ignore[misc]
    email = EmailField(
        N_("Email address of their account"),
        validators=[InputRequired(N_("Write their email address.")), Length(max=254)],
        render_kw={"maxlength": 254, "autocomplete": "off"},
    )

    def validate_email(self, field: EmailField) -> None:
        try:
            field.data = normalise_email(field.data or "")
        except ValueError as error:
            raise ValidationError(str(error)) from None
