"""The whole configuration: one field per table of the file."""

from collections import Counter
from typing import Self

from pydantic import Field, model_validator

from optimails.config.antivirus import AntivirusSettings
from optimails.config.authentication import AuthenticationSettings
from optimails.config.base import Section
from optimails.config.calendars import CalendarMailSettings
from optimails.config.collection import CollectionSettings
from optimails.config.dav import DavSettings
from optimails.config.delivery import DeliverySettings
from optimails.config.directory import DirectorySettings, LdapSettings
from optimails.config.dns import DnsSettings
from optimails.config.imap import ImapSettings
from optimails.config.imapsieve import ImapSieveRule
from optimails.config.ldapd import LdapdSettings
from optimails.config.listener import Listener
from optimails.config.login import LoginSettings
from optimails.config.milter import MilterSettings
from optimails.config.outbound import OutboundRoute, OutboundSettings
from optimails.config.pop3 import Pop3Settings
from optimails.config.queue import QueueSettings
from optimails.config.relay import RelaySettings
from optimails.config.securemail import SecuremailSettings
from optimails.config.server import LogSettings, ManagementSettings, ServerSettings, TlsSettings
from optimails.config.sieve import SieveSettings
from optimails.config.smtp import SmtpSettings
from optimails.config.store import StoreSettings
from optimails.config.traffic import DomainLimit, GreylistSettings, TrafficSettings
from optimails.config.web import WebSettings


class Config(Section):
    """All sections; what the file leaves out has its defaults."""

    server: ServerSettings = Field(ServerSettings(), description="The machine and its processes.")
    listener: tuple[Listener, ...] = Field((), description="Sockets to listen on.")
    tls: TlsSettings = Field(TlsSettings(), description="Certificate and TLS versions.")
    management: ManagementSettings = Field(ManagementSettings(), description="Health checks and metrics.")
    log: LogSettings = Field(LogSettings(), description="Logging.")
    store: StoreSettings = Field(StoreSettings(), description="Limits of the mail store.")
    directory: DirectorySettings = Field(DirectorySettings(), description="Domains and accounts.")
    ldap: tuple[LdapSettings, ...] = Field((), description="LDAP servers.")
    login: LoginSettings = Field(LoginSettings(), description="Log-in: limits and locks.")
    imap: ImapSettings = Field(ImapSettings(), description="IMAP.")
    pop3: Pop3Settings = Field(Pop3Settings(), description="POP3.")
    delivery: DeliverySettings = Field(DeliverySettings(), description="Local delivery.")
    collection: CollectionSettings = Field(CollectionSettings(), description="Mail fetched from other providers.")
    sieve: SieveSettings = Field(SieveSettings(), description="Sieve scripts and ManageSieve.")
    imapsieve: tuple[ImapSieveRule, ...] = Field((), description="The service's own scripts for what users do by IMAP.")
    smtp: SmtpSettings = Field(SmtpSettings(), description="SMTP, submission and LMTP.")
    milter: tuple[MilterSettings, ...] = Field((), description="Filters that stand in line.")
    authentication: AuthenticationSettings = Field(
        AuthenticationSettings(), description="Whether mail from outside is what it says."
    )
    securemail: SecuremailSettings = Field(SecuremailSettings(), description="The filter in front of delivery.")
    antivirus: tuple[AntivirusSettings, ...] = Field((), description="Antivirus engines beside the service.")
    traffic: TrafficSettings = Field(TrafficSettings(), description="How much mail may come in.")
    greylist: GreylistSettings = Field(GreylistSettings(), description="Strangers are asked to come again.")
    domain_limit: tuple[DomainLimit, ...] = Field((), description="What differs for some domains.")
    web: WebSettings = Field(WebSettings(), description="HTTP: set-up documents of mail programs.")
    dav: DavSettings = Field(DavSettings(), description="Calendars, address books and task lists.")
    ldapd: LdapdSettings = Field(LdapdSettings(), description="The company's address book over LDAP.")
    calendar_mail: CalendarMailSettings = Field(
        CalendarMailSettings(), description="Invitations, answers and reminders by mail."
    )
    dns: DnsSettings = Field(DnsSettings(), description="Name servers.")
    outbound: OutboundSettings = Field(OutboundSettings(), description="Mail to other servers.")
    outbound_route: tuple[OutboundRoute, ...] = Field((), description="Rules for some of the mail that leaves.")

    queue: QueueSettings = Field(QueueSettings(), description="The outbound queue.")
    relay: tuple[RelaySettings, ...] = Field((), description="Domains whose mail is handed to their own servers.")

    @model_validator(mode="before")
    @classmethod
    def _every_section(cls, values: object) -> object:
        # A section left out is validated like an empty one: its defaults, too, start from the folder of the file.
        if isinstance(values, dict):
            return {name: {} for name, field in cls.model_fields.items() if isinstance(field.default, Section)} | values
        return values

    @model_validator(mode="after")
    def _distinct_domains(self) -> Self:
        for name, tables in (("relay", self.relay), ("domain_limit", self.domain_limit)):
            twice = [domain for domain, times in Counter(table.domain for table in tables).items() if times > 1]
            if twice:
                raise ValueError(f"two {name} tables have the domain {twice[0]}")
        return self

    @model_validator(mode="after")
    def _known_listeners(self) -> Self:
        labels = {listener.label for listener in self.listener}
        for milter in self.milter:
            unknown = sorted(set(milter.listeners) - labels)
            if unknown:
                raise ValueError(f"the milter {milter.label} names a listener that is not there: {unknown[0]}")
        return self

    @model_validator(mode="after")
    def _distinct_milters(self) -> Self:
        twice = [label for label, times in Counter(milter.label for milter in self.milter).items() if times > 1]
        if twice:
            raise ValueError(f"two milter tables have the name {twice[0]}")
        return self

    @model_validator(mode="after")
    def _distinct_listeners(self) -> Self:
        twice = [
            address
            for address, times in Counter(listener.address for listener in self.listener if listener.port).items()
            if times > 1
        ]
        if twice:
            raise ValueError(f"two listeners have the address {twice[0]}")
        return self
