"""The templates of the pages in one language."""

from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from authrim.pages._compiled_templates import CompiledTemplates
from authrim.pages.display import display_name, initial, redirect_host
from authrim.pages.translations import load_translations

_TEMPLATES = Path(__file__).parent / "templates"
_COMPILED = CompiledTemplates()


def environment_of(locale: str, static_url: Callable[[str], str]) -> Environment:
    """The templates of a language. ``static_url(name)`` is the address of a static file. Undefined names are errors,
    and every value is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        bytecode_cache=_COMPILED,
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    translations = load_translations(locale)

    @pass_context  # else texts would be translated while the template is compiled, which all languages share
    def translated(_context: Context, text: str) -> str:
        """A text in the page's language, if the catalog has it. The result is a plain value, which is escaped."""
        return translations.gettext(text) if text else ""

    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= {
        "display_name": display_name,
        "initial": initial,
        "redirect_host": redirect_host,
        "translated": translated,
    }
    environment.globals |= {"locale": locale, "static": static_url}
    return environment
