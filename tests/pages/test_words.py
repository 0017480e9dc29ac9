"""What people are told of a refusal that is for programs."""

import pytest

from authrim.authorization.fetched_request_objects import NOT_FETCHED, NOT_REGISTERED
from authrim.pages import texts
from authrim.pages.words import words_for
from domain.authorization import pushed_request
from domain.errors import Refusal, invalid_request

APPLICATION = words_for(invalid_request("Anything."))


def test_an_old_link_is_told_apart_from_a_mistake() -> None:
    """A pushed request that was used before is an old link; a request object that is not available is the application's
    mistake, although both have the error invalid_request_uri."""
    for old in (pushed_request.UNKNOWN, pushed_request.USED, pushed_request.EXPIRED):
        assert words_for(old).advice == texts.START_AGAIN
    for mistake in (NOT_FETCHED, NOT_REGISTERED, pushed_request.OTHER_CLIENT):
        assert words_for(mistake) == APPLICATION


@pytest.mark.parametrize("status", [403, 408, 413, 415])
def test_a_form_of_ours_that_did_not_arrive_is_nobodys_mistake(status: int) -> None:
    """Too late, too large or in another type: the person loads the page again."""
    words = words_for(Refusal("invalid_request", "Not so.", status=status))
    assert "once more" in words.advice
    assert words != APPLICATION
