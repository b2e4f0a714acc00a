"""The calendars of a running service, asked over TLS as a program without a library of its own does."""

import base64
import http.client
import re
import ssl

from tests.support import certificates
from tests.support.calendars import event
from tests.support.service import PASSWORD


class Site:
    """Each request is one connection."""

    def __init__(self, service, port, user, *, plain_port=0):
        self.service, self.port, self.user, self.plain_port = service, port, user, plain_port
        self.tls = ssl.create_default_context(cafile=service.peer.ca_file)

    @property
    def url(self):
        return f"https://{certificates.HOST}:{self.port}"

    @property
    def plain_url(self):
        return f"http://{certificates.HOST}:{self.plain_port}/"

    def __call__(self, method, path, body=b"", user=None, password=PASSWORD, **headers):
        """As ``self.user`` when no other is given; '' is nobody."""
        user = self.user if user is None else user
        connection = http.client.HTTPSConnection(certificates.HOST, self.port, timeout=30, context=self.tls)
        if user:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.content = answer.read()
        connection.close()
        return answer

    def texts(self, collection, user=None):
        """The items of one of a user's collections."""
        user = user or self.user
        listed = self("PROPFIND", f"/dav/{user}/{collection}/", user=user, Depth="1").content.decode()
        names = re.findall(rf"<D:href>(/dav/{re.escape(user)}/{collection}/[^<]+)</D:href>", listed)
        return [self("GET", name, user=user).content.decode() for name in names]

    def share(self, owner, viewer, rights="reader"):
        """The owner's calendar, with an event of November 2026 called Hers, stands in the viewer's home."""
        text = event("hers", "20261110T090000Z", "SUMMARY:Hers", end="20261110T100000Z")
        assert self("PUT", f"/dav/{owner}/calendar/hers.ics", text.encode(), owner).status == 201
        self.service.optimails("acl", "set", owner, "calendar", viewer, rights, "--kind", "calendar")
        self.service.optimails("share", "accept", viewer, f"{owner}/calendar")
