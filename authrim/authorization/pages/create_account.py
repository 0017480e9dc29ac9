"""The page on which a person makes an account (Initiating User Registration via OpenID Connect 1.0 §4).

The account, the session that begins with it and the request's next step are one append: there is no account whose
person was not let in, and nobody is let in without one.
"""

from typing import Final

import msgspec
from aiohttp import hdrs, web

from authrim.authorization._step import StepDecision, answer_step, take_step
from authrim.authorization.interaction import (
    Interaction,
    StepFacts,
    Visit,
    create_account_url,
    facts_for,
    inputs_of_step,
    open_interaction,
)
from authrim.authorization.pages._page import (
    RequestPage,
    cancel,
    consent_once_signed_in,
    go_on_with_session,
)
from authrim.core.call import Call
from authrim.core.execute import Change
from authrim.core.rate_limits import GROWTH, by_network
from authrim.pages import texts
from authrim.pages.headers import ERROR_ID_HEADER
from authrim.pages.views import CreateAccountPage
from authrim.people.new_account import (
    LOGIN_TAKEN,
    LOGIN_UNUSABLE,
    PASSWORD_LENGTH,
    SHORTEST_PASSWORD,
    AccountRequest,
    AccountStore,
    LoginTaken,
    NewAccount,
    decide_new_account,
    find_subject,
    prepare_account,
    refuse_new_account,
)
from authrim.people.part import PEOPLE
from authrim.people.sessions.begin import SessionBeginning
from authrim.people.sign_in.password import too_many
from authrim.web.answers import page_settings, record
from authrim.web.call import PAGES
from authrim.web.own_host import led_home
from authrim.web.params import Params
from authrim.web.sent_forms import answered_once
from authrim.web.shown_client import shown_client
from domain.authorization import steps as authorization
from domain.authorization.steps import NOBODY_NEW, Browser
from domain.claim.values import MAX_OWN_NAME, OWN_NAME_UNUSABLE, check_own_name
from domain.client.client import Client
from domain.decision import Decision
from domain.errors import Refusal, invalid_request
from domain.grant.grant import Grant
from domain.person.account import NO_ACCOUNT
from domain.person.session import NO_SESSION
from domain.stream import account_stream
from domain.vocabulary.acr import PASSWORD_ACR, PASSWORD_AMR
from domain.vocabulary.text import LONGEST_LOGIN
from projections.followed import SELF_REGISTRATION

ENDPOINT = "create-account"

PASSWORDS_DIFFER = invalid_request("The two passwords are not the same.", hint="Write it twice.")
TOO_MANY = Refusal(
    "access_denied",
    "There were too many new accounts.",
    hint="Wait, then try again.",
    reason="too_many_accounts",
    status=429,
)

#: What the page says of a refusal, and the field that it is about.
_SAID: Final[dict[Refusal, tuple[str, str]]] = {
    LOGIN_UNUSABLE: (texts.LOGIN_UNUSABLE, "login"),
    LOGIN_TAKEN: (texts.LOGIN_TAKEN, "login"),
    OWN_NAME_UNUSABLE: (texts.NAME_UNUSABLE, "name"),
    PASSWORD_LENGTH: (texts.PASSWORD_LENGTH, "password"),
    PASSWORDS_DIFFER: (texts.PASSWORDS_DIFFER, "password"),
    TOO_MANY: (texts.TOO_MANY_ATTEMPTS, ""),
}


class AccountForm(msgspec.Struct, frozen=True):
    """What was typed, as it is shown again when it does not do; the passwords are not."""

    login: str
    name: str = ""
    password: str = ""
    password_repeated: str = ""

    @property
    def wanted(self) -> AccountRequest:
        """The account that this asks for."""
        return AccountRequest(self.login, self.password, {"name": self.name} if self.name else {})

    def __repr__(self) -> str:
        return "AccountForm()"


async def _show(visit: Visit) -> web.StreamResponse:
    typed = AccountForm(visit.interaction.private.login_hint or "")
    return visit.call.parts[PAGES].create_account(_page(visit, typed))


async def _create_account(visit: Visit) -> web.StreamResponse:
    typed = _typed(visit.form)
    refusal = _refuse_typed(typed) or await _refuse_now(visit, typed)
    if refusal is not None:
        return await _not_yet(visit, typed, refusal)
    return await _create(visit, typed)


async def _open(request: web.Request, call: Call) -> tuple[Call, Interaction | Refusal]:
    """The request of this browser, when a new person may answer it."""
    call, interaction = await open_interaction(request, call)
    if isinstance(interaction, Refusal) or create_account_url(call.core, interaction):
        return call, interaction
    return call, NOBODY_NEW


def _typed(form: Params) -> AccountForm:
    names = ("login", "name", "password", "password_repeated")
    login, name, password, repeated = (form.get(field) or "" for field in names)
    return AccountForm(login, name.strip(), password, repeated)


def _refuse_typed(typed: AccountForm) -> Refusal | None:
    """Why this makes no account, whoever else has one."""
    if typed.password != typed.password_repeated:
        return PASSWORDS_DIFFER
    return refuse_new_account(typed.wanted) or check_own_name(typed.name)


async def _refuse_now(visit: Visit, typed: AccountForm) -> Refusal | None:
    """Count the attempt, then see whether the login is free: who tries out which are taken is slowed down as who
    guesses passwords is (A182, A183). Accounts that were made are counted too, so nobody makes them by the thousand."""
    call, tenant = visit.call, visit.call.tenant
    settings, kind = call.core.settings, f"create-account:{tenant}"
    limits = {
        f"{kind}:{visit.interaction.grant_id}": settings.sign_in_attempts_per_account,
        **by_network(kind, call.networks, settings.sign_in_attempts_per_address, GROWTH),
    }
    if await too_many(call.core, limits):
        return TOO_MANY
    if await find_subject(call.core.store, call.core.master, tenant, typed.login) is not None:
        return LOGIN_TAKEN
    return None


async def _create(visit: Visit, typed: AccountForm) -> web.Response:
    """Make the account, begin its session, and go on with the request. Raises PasswordsBusy."""
    call, core = visit.call, visit.call.core
    account_store = AccountStore(
        core.store, core.private, core.master, call.parts[PEOPLE].passwords, call.tenant
    )
    new = await prepare_account(account_store, typed.wanted, source=call.networks[-1])
    person = call.of_person(new.subject, actor="subject").allowed_by(SELF_REGISTRATION)
    beginning = SessionBeginning(visit.request, person, new.subject, typed.login)

    async def decide(grant: Grant, client: Client, facts: StepFacts) -> StepDecision:
        # Of two that want the same login at once the database lets one have it, and the other finds it taken here.
        if await find_subject(call.core.store, call.core.master, call.tenant, typed.login) is not None:
            return StepDecision(Decision((), LOGIN_TAKEN))
        account = decide_new_account(NO_ACCOUNT, new, facts.now)
        changes = await beginning.decide(client, facts.now)
        made = Change(account_stream(call.tenant, new.subject), 0, account.events)
        step = _signed_in(call, client, new, beginning.session_id, grant, facts)
        return msgspec.structs.replace(step, changes=(made, *changes), rows=new.rows)

    step = await take_step(person, visit.interaction, decide)
    if isinstance(step, LoginTaken):
        return await _not_yet(visit, typed, step)
    answer = await answer_step(msgspec.structs.replace(visit, call=person), step)
    if answer.taken:
        beginning.tell(answer.response)
    return answer.response


def _signed_in(
    call: Call, client: Client, new: NewAccount, session_id: str,
    grant: Grant, facts: StepFacts,
) -> StepDecision:  # fmt: skip
    """The new person is the one of the request, and has agreed to nothing yet."""
    browser = Browser(session_id, NO_SESSION, account_active=True)
    authorization_facts = facts_for(call, client, browser, facts, new.subject)
    decision = authorization.decide_signed_in(
        grant, new.subject, session_id, PASSWORD_ACR, PASSWORD_AMR, authorization_facts
    )
    return StepDecision(decision, inputs=inputs_of_step(call, "sign_in", authorization_facts, new.subject))


async def _not_yet(visit: Visit, typed: AccountForm, refusal: Refusal) -> web.Response:
    """Record why, and show the page again."""
    call = visit.call
    await record(call, ENDPOINT, refusal, client_known=True)
    page = _page(visit, typed, refusal, call.error_id)
    response = call.parts[PAGES].create_account(page, status=refusal.status)
    response.headers[ERROR_ID_HEADER] = call.error_id
    if refusal.status == TOO_MANY.status:
        response.headers[hdrs.RETRY_AFTER] = str(call.core.settings.sign_in_window_seconds)
    return response


def _page(
    visit: Visit, typed: AccountForm, refusal: Refusal | None = None, error_id: str | None = None
) -> CreateAccountPage:
    core, interaction = visit.call.core, visit.interaction
    message, wrong = (None, "") if refusal is None else _SAID[refusal]
    return CreateAccountPage(
        action_url=create_account_url(core, interaction),
        csrf_token=interaction.csrf,
        client=shown_client(core, interaction.client, interaction.asked.redirect_uri),
        sign_in_url=core.url(f"/login/{interaction.grant_id}"),
        shortest_password=SHORTEST_PASSWORD,
        login_value=typed.login if len(typed.login) <= LONGEST_LOGIN else "",
        name_value=typed.name if len(typed.name) <= MAX_OWN_NAME else "",
        error_message=message,
        error_id=error_id,
        wrong=wrong,
        **page_settings(visit.request, interaction.asked.ui_locales),
    )


CREATE_ACCOUNT: Final = RequestPage(
    ENDPOINT,
    shows=(consent_once_signed_in, go_on_with_session, _show),
    takes=(consent_once_signed_in, cancel, _create_account),
    opens=_open,
)


@led_home
async def show_create_account(request: web.Request) -> web.StreamResponse:
    """GET ``/create-account/{grant}``: changes nothing."""
    return await CREATE_ACCOUNT.show(request)


@answered_once
async def answer_create_account(request: web.Request) -> web.StreamResponse:
    """POST ``/create-account/{grant}``: the person makes an account or cancels."""
    return await CREATE_ACCOUNT.take(request)
