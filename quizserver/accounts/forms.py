"""The forms of the account pages, with the messages for fields that are wrong."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, StringField, ValidationError
from wtforms.validators import InputRequired, Length

from quizserver.accounts.model import EMAIL_MAX, PASSWORD_MAX, normalise_email, password_fault
from quizserver.translation import N_
from quizserver.visible_text import line_fault

_CURRENT_PASSWORD = {"autocomplete": "current-password", "maxlength": PASSWORD_MAX}
_NEW_PASSWORD = {"autocomplete": "new-password", "maxlength": PASSWORD_MAX}


def _email_field(label: str = N_("Email")) -> EmailField:
    return EmailField(
        label,
        validators=[InputRequired(N_("Write your email address.")), Length(max=EMAIL_MAX)],
        render_kw={"autocomplete": "username", "inputmode": "email", "maxlength": EMAIL_MAX},
    )


def _password_field(label: str, attributes: dict[str, object]) -> PasswordField:
    return PasswordField(
        label,
        validators=[InputRequired(N_("Write a password.")), Length(max=PASSWORD_MAX)],
        render_kw=attributes,
    )


class SignInForm(FlaskForm):  # type: ignore[misc]
    email = _email_field()
    password = _password_field(N_("Password"), _CURRENT_PASSWORD)
    next = StringField()


class SignUpForm(FlaskForm):  # type: ignore[misc]
    email = _email_field()
    password = _password_field(N_("Password"), _NEW_PASSWORD)
    next = StringField()

    def validate_email(self, field: EmailField) -> None:
        try:
            field.data = normalise_email(field.data or "")
        except ValueError as error:
            raise ValidationError(str(error)) from None
        fault = line_fault(field.data)  # two addresses must not look like one
        if fault:
            raise ValidationError(fault)

    def validate_password(self, field: PasswordField) -> None:
        fault = password_fault(field.data or "", self.email.data or "")
        if fault:
            raise ValidationError(fault)


class PasswordForm(FlaskForm):  # type: ignore[misc]
    password = _password_field(N_("Your present password"), _CURRENT_PASSWORD)
    new_password = _password_field(N_("Your new password"), _NEW_PASSWORD)


class DeleteForm(FlaskForm):  # type: ignore[misc]
    password = PasswordField(N_("Your password"), render_kw=_CURRENT_PASSWORD)
