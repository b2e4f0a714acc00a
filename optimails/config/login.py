"""What happens when somebody logs in with the wrong password, and how many connections one may hold."""

from ipaddress import IPv4Network, IPv6Network

from pydantic import Field

from optimails.config.base import Section


class LoginSettings(Section):
    """The ``[login]`` table."""

    window_seconds: int = Field(900, ge=10, description="Failed logins older than this many seconds no longer count.")
    account_failures: int = Field(
        20,
        ge=0,
        description=(
            "Failed logins for one account within the window before it is locked (0: never). "
            "Networks from which the account logged in lately are not locked out by other people's failures."
        ),
    )
    network_failures: int = Field(
        60, ge=0, description="Failed logins from one network (IPv4 /24, IPv6 /64) before it is locked (0: never)."
    )
    address_failures: int = Field(
        30, ge=0, description="Failed logins from one address (IPv4 only) before it is locked (0: never)."
    )
    lock_seconds: int = Field(900, ge=1, description="How long a lock lasts.")
    delay_seconds: float = Field(
        1.0, ge=0, description="Delay before the first failure is answered; it doubles with every further failure."
    )
    max_delay_seconds: float = Field(16.0, ge=0, description="The longest delay before a failure is answered.")
    known_days: int = Field(
        30, ge=0, description="For how many days a network with a successful login counts as known to the account."
    )
    allow: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="Networks whose failures are neither delayed nor counted, such as the webmail host's."
    )
    connections_per_account: int = Field(
        100, ge=0, description="Connections that one account may hold on this host at a time (0: any number)."
    )
    connections_per_address: int = Field(
        1000, ge=0, description="Connections that one client address may hold on this host at a time (0: any number)."
    )
