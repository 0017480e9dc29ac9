"""A Django site that is as empty as can be, for the texts of a recipe to be pasted into."""

from pathlib import Path

from tests.integrations.applications import Place
from tests.integrations.installing import python_environment, run
from tests.integrations.provider import Client

_SETTINGS = """
SECRET_KEY = "a site of the tests"
DEBUG = True
ALLOWED_HOSTS = ["localhost"]
ROOT_URLCONF = "urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.db"}}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
"""

#: ``person`` is the site's own: what it knows of who is signed in.
_URLS = """
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.urls import include, path
from site_person import person

def home(request):
    return JsonResponse(person(request.user))

def leave(request):
    token = get_token(request)
    form = '<form method="post" action="{}"><input type="hidden" name="csrfmiddlewaretoken" value="{}"></form>'
    return HttpResponse(form.format(request.GET["at"], token))

urlpatterns = [path("", login_required(home)), path("leave/", login_required(leave))]
"""


def make_site(place: Place, client: Client, person: str) -> tuple[str | Path, ...]:
    """The site with the texts in it; the command that starts it. ``person`` is the body of its view."""
    (place.folder / "settings.py").write_text(_SETTINGS + client.text("settings.py"))
    (place.folder / "urls.py").write_text(_URLS + client.text("urls.py"))
    client.write(place.folder, *(file for file in client.files if file not in ("settings.py", "urls.py")))
    (place.folder / "site_person.py").write_text(f"def person(user):\n    return {person}\n")
    python = python_environment("python") / "python"
    django = (python, "-m", "django")
    run(*map(str, django), "migrate", "--settings", "settings", "--pythonpath", ".", folder=place.folder)
    serve = ("runserver", "--noreload", "--settings", "settings", "--pythonpath", ".")
    return (*django, *serve, f"localhost:{place.port}")
