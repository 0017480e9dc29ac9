"""The texts of pages that are not in the templates: descriptions of scopes, and why a sign-in failed.

Each is the English source of a catalog entry in ``locales/``; the pages translate it when they show it.
"""


def message(text: str) -> str:
    """Mark a text for the catalogs; ``pybabel extract -k message`` and the tests find it by this name."""
    return text


WRONG_CREDENTIALS = message("The sign-in name or the password is wrong.")
TOO_MANY_ATTEMPTS = message("Too many attempts. Please wait a little and try again.")
TOO_SOON = message("That was very quick, perhaps a double click. Please read this page, then answer again.")
LOGIN_TAKEN = message("There already is an account with this sign-in name. Choose another one, or sign in.")
LOGIN_UNUSABLE = message("This sign-in name cannot be used. Choose another one.")
NAME_UNUSABLE = message("This name cannot be used. Choose a shorter one without invisible characters.")
PASSWORD_LENGTH = message("The password is too short or too long.")
PASSWORDS_DIFFER = message("The two passwords are not the same.")
NOT_DELIVERABLE = message("The answer cannot be sent back to the application.")
NOT_RETURNED = message("The application's request is not valid, so you will not be sent back to it.")
NOT_ANSWERED = message("This request cannot be answered")
CANNOT_GO_ON = message("This sign-in cannot go on")
START_AGAIN = message("Go back to the application and start again.")
LOGGED_OUT = message("You are logged out")
STILL_LOGGED_IN = message("You are still logged in")

SCOPE_TEXTS: dict[str, tuple[str, str]] = {
    "openid": (
        message("Know that it is you"),
        message("A stable identifier of your account, so that you are recognised next time."),
    ),
    "profile": (
        message("See your profile"),
        message("Your name, picture, gender, birthday, website, language and time zone."),
    ),
    "email": (
        message("See your email address"),
        message("Your email address and whether it has been verified."),
    ),
    "address": (
        message("See your postal address"),
        message("Your street, town, region, postcode and country."),
    ),
    "phone": (
        message("See your phone number"),
        message("Your phone number and whether it has been verified."),
    ),
    "groups": (
        message("See your groups"),
        message("The names of the groups that you belong to here."),
    ),
    "roles": (
        message("See your roles"),
        message("The names of the roles that you have here."),
    ),
    "offline_access": (
        message("Keep access while you are away"),
        message("It can go on using what you allow here without asking again, until you withdraw it."),
    ),
}
"""Title and explanation of the standard scopes (OIDC Core §5.4, §11), and of the memberships."""

UNKNOWN_SCOPE_TEXT = message("A permission of this service, shown by its technical name.")
