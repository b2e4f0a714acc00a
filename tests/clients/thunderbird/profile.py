"""A Thunderbird profile with one IMAP account, its SMTP server and the tests' certificate authority."""

import json
from pathlib import Path

from tests.support.peer import MailUser, Peer
from tests.support.programs import need, run

IMPLICIT_TLS, STARTTLS, PASSWORD = 3, 2, 3

QUIET = {
    # Nothing leaves this machine, nothing asks, nothing greets.
    "app.donation.eoy.version.viewed": 999,
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.cache.disk.enable": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "mail.biff.play_sound": False,
    "mail.biff.show_alert": False,
    "mail.cloud_files.enabled": False,
    "mail.inappnotifications.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "mail.quota.mainwindow_threshold.show": 0,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 0,
    "services.settings.server": "data:,#none/v1",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "",
}


def make(directory: Path, peer: Peer, user: MailUser, marionette_port: int, *, smtp_tls: int = STARTTLS) -> None:
    account = {
        "mail.account.account1.identities": "id1",
        "mail.account.account1.server": "server1",
        "mail.account.account2.server": "server2",
        "mail.accountmanager.accounts": "account1,account2",
        "mail.accountmanager.defaultaccount": "account1",
        "mail.accountmanager.localfoldersserver": "server2",
        "mail.identity.id1.fullName": "Hélène Test",
        "mail.identity.id1.smtpServer": "smtp1",
        "mail.identity.id1.useremail": user.address,
        "mail.identity.id1.valid": True,
        "mail.server.server1.authMethod": PASSWORD,
        "mail.server.server1.check_new_mail": False,  # new mail is told by IDLE or not at all
        "mail.server.server1.hostname": peer.host,
        "mail.server.server1.login_at_startup": False,  # the password is not stored yet
        "mail.server.server1.name": user.address,
        "mail.server.server1.port": peer.ports["imaps"],
        "mail.server.server1.socketType": IMPLICIT_TLS,
        "mail.server.server1.type": "imap",
        "mail.server.server1.userName": user.login,
        "mail.server.server2.hostname": "Local Folders",
        "mail.server.server2.name": "Local Folders",
        "mail.server.server2.type": "none",
        "mail.server.server2.userName": "nobody",
        "mail.smtp.defaultserver": "smtp1",
        "mail.smtpserver.smtp1.authMethod": PASSWORD,
        "mail.smtpserver.smtp1.hostname": peer.host,
        "mail.smtpserver.smtp1.port": peer.ports["submission" if smtp_tls == STARTTLS else "submissions"],
        "mail.smtpserver.smtp1.try_ssl": smtp_tls,
        "mail.smtpserver.smtp1.username": user.login,
        "mail.smtpservers": "smtp1",
        "marionette.port": marionette_port,
    }
    directory.mkdir()
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in (QUIET | account).items()]
    (directory / "user.js").write_text("".join(lines))
    certutil = need("certutil", "libnss3-tools")
    run(certutil, "-N", "-d", f"sql:{directory}", "--empty-password")
    run(certutil, "-A", "-n", "tests", "-t", "C,,", "-i", peer.ca_file, "-d", f"sql:{directory}")
