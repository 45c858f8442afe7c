"""IAM's API: tokens, temporary keys, projects."""

from __future__ import annotations

import hmac

from pydantic import BaseModel, Field, ValidationError

from ddm_simulator import times
from ddm_simulator.call import Call
from ddm_simulator.errors import IdentityError
from ddm_simulator.iam.authenticate import valid_token
from ddm_simulator.messages import Json, Response
from ddm_simulator.model import AccessKey, Project, Token, User
from ddm_simulator.world import World


class _Named(BaseModel):
    id: str | None = None
    name: str | None = None

    def names(self, key: str, name: str) -> bool:
        """Whether it names a thing with this id and name."""
        return key == self.id if self.id is not None else name == self.name


class _User(_Named):
    password: str = Field(repr=False)
    domain: _Named = _Named()


class _Password(BaseModel):
    user: _User


class _Token(BaseModel):
    id: str | None = Field(None, repr=False)
    duration_seconds: int = Field(900, ge=900, le=86400)


class _Identity(BaseModel):
    methods: list[str] = Field(min_length=1)
    password: _Password | None = None
    token: _Token | None = None


class Scope(BaseModel):
    """What a token is good for."""

    project: _Named | None = None


class _Auth(BaseModel):
    identity: _Identity
    scope: Scope = Scope()


class _Body(BaseModel):
    auth: _Auth


def create_token(call: Call) -> Response:
    """POST /v3/auth/tokens: with a password, or with a token."""
    auth = _auth(call)
    identity, world = auth.identity, call.world
    expires = call.now + world.settings.token_seconds
    if identity.password is not None and "password" in identity.methods:
        user, method = _logged_in(world, identity.password.user), "password"
    elif "token" in identity.methods:
        old = valid_token(world, _presented(call, identity))
        user, method = _of_token(world, old), "token"
        expires = old.expires
    else:
        raise _bad_request()
    return _issued(call, user, auth.scope, method, expires)


def issue(call: Call, user_id: str, scope: Scope, method: str) -> Response:
    """A token for a user who has proven it elsewhere."""
    user = call.world.users.get(user_id)
    if user is None:
        raise IdentityError(401, "Unauthorized", "The user does not exist.")
    return _issued(call, user, scope, method, call.now + call.world.settings.token_seconds)


def _issued(call: Call, user: User, scope: Scope, method: str, expires: float) -> Response:
    world = call.world
    project = _project(world, user, scope.project)
    token = Token(world.ids.secret(), user.id, project.id if project else None, call.now, expires)
    world.tokens.put(token.id, token, call.now)
    with_catalog = (call.request.parameter("nocatalog") or "false") == "false"
    body: Json = {"token": _token_body(token, user, project, method, with_catalog=with_catalog)}
    return Response(201, body, {"X-Subject-Token": token.id})


def create_temporary_key(call: Call) -> Response:
    """POST /v3.0/OS-CREDENTIAL/securitytokens: an access key for as long as 15 minutes to a day."""
    identity, world = _auth(call).identity, call.world
    if "token" not in identity.methods:
        raise _bad_request()
    token = valid_token(world, _presented(call, identity))
    seconds = (identity.token or _Token(id=None, duration_seconds=900)).duration_seconds
    key = AccessKey(
        access=world.ids.access_key(),
        user_id=token.user_id,
        secret=world.ids.secret(),
        security_token=world.ids.secret(),
        expires=call.now + seconds,
    )
    world.keys.put(key.access, key, call.now)
    credential: Json = {
        "access": key.access,
        "secret": key.secret,
        "securitytoken": key.security_token,
        "expires_at": times.iam(call.now + seconds),
    }
    return Response(201, {"credential": credential})


def list_projects(call: Call) -> Response:
    """GET /v3/projects and /v3/auth/projects: those of the caller."""
    user = call.world.users.get(call.caller.user_id)
    own = set(user.project_ids) if user is not None else set()
    name = call.request.parameter("name")
    found = call.world.projects.where(lambda project: project.id in own and name in (None, project.name))
    self_link = f"http://{call.request.headers.get('host', 'iam')}{call.request.path}"
    links: Json = {"next": None, "previous": None, "self": self_link}
    return Response(200, {"links": links, "projects": [_project_body(project) for project in found]})


def _auth(call: Call) -> _Auth:
    try:
        return _Body.model_validate_json(call.request.body).auth
    except ValidationError:
        raise _bad_request() from None


def _bad_request() -> IdentityError:
    return IdentityError(400, "Bad Request", "The request body is invalid")


def _presented(call: Call, identity: _Identity) -> str:
    from_body = identity.token.id if identity.token is not None else None
    return from_body or call.request.headers.get("x-auth-token", "")


def _logged_in(world: World, given: _User) -> User:
    any_domain = given.domain == _Named()
    for user in world.users.values():
        named = given.names(user.id, user.name) and (any_domain or given.domain.names(user.domain_id, user.domain_name))
        if named and user.enabled and hmac.compare_digest(user.password.encode(), given.password.encode()):
            return user
    raise IdentityError(401, "Unauthorized", "The username or password is wrong.")


def _of_token(world: World, token: Token) -> User:
    user = world.users.get(token.user_id)
    if user is None:
        raise IdentityError(401, "Unauthorized", "The user does not exist.")
    return user


def _project(world: World, user: User, given: _Named | None) -> Project | None:
    if given is None:
        return None
    for project in world.projects.values():
        if project.id in user.project_ids and given.names(project.id, project.name):
            return project
    raise IdentityError(401, "Unauthorized", "The project cannot be found or the user has no part in it.")


def _token_body(token: Token, user: User, project: Project | None, method: str, *, with_catalog: bool) -> Json:
    domain: Json = {"id": user.domain_id, "name": user.domain_name}
    body: Json = {
        "expires_at": times.iam(token.expires),
        "issued_at": times.iam(token.issued),
        "methods": [method],
        "user": {"id": user.id, "name": user.name, "domain": domain, "password_expires_at": ""},
        "roles": [{"id": "0", "name": "te_admin"}],
    }
    if project is not None:
        own_domain: Json = {"id": project.domain_id, "name": project.domain_name}
        body["project"] = {"id": project.id, "name": project.name, "domain": own_domain}
    else:
        body["domain"] = domain
    if with_catalog:
        body["catalog"] = []
    return body


def _project_body(project: Project) -> Json:
    return {
        "id": project.id,
        "name": project.name,
        "domain_id": project.domain_id,
        "parent_id": project.domain_id,
        "is_domain": False,
        "enabled": True,
        "description": "",
        "links": {"self": f"/v3/projects/{project.id}"},
    }
