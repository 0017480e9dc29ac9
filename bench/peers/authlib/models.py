"""The tables of the Authlib peer: what its SQLAlchemy mixins hold, with the columns that they leave to the user."""

import time
from typing import Any

from authlib.integrations.sqla_oauth2 import OAuth2AuthorizationCodeMixin, OAuth2ClientMixin, OAuth2TokenMixin
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, Integer, String, Text

database = SQLAlchemy()
_Model: Any = database.Model


class User(_Model):
    id = Column(Integer, primary_key=True)
    login = Column(String(40), unique=True)

    def get_user_id(self) -> int:
        return int(self.id)


class OAuthClient(_Model, OAuth2ClientMixin):
    id = Column(Integer, primary_key=True)


class AuthorizationCode(_Model, OAuth2AuthorizationCodeMixin):
    id = Column(Integer, primary_key=True)
    user_id = Column(Integer)


class Token(_Model, OAuth2TokenMixin):
    id = Column(Integer, primary_key=True)
    user_id = Column(Integer)
    #: As text: a signed access token is longer than the mixin's 255 characters.
    access_token = Column(Text, unique=True, nullable=False)

    def may_refresh(self) -> bool:
        return not self.refresh_token_revoked_at

    def revoke(self) -> None:
        self.access_token_revoked_at = self.refresh_token_revoked_at = int(time.time())
