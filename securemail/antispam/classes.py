"""What kind of mail it is, beside the question of spam: PUB, NEWS, SOCIAL, VIP, PERSO.

VIP wins over all: a name on somebody's list, proven to be his. Social networks are known by their domains. Of what goes
to many, advertising is what talks of prices and hurry, and news is the rest. A letter is what one person writes to a
few, by hand as far as one can see.
"""

from collections.abc import Sequence

from optimails.authentication import Result
from securemail.antispam.names import organisation
from securemail.antispam.phrases import spoken
from securemail.case import MailClass
from securemail.context import Context
from securemail.examined import Examined
from securemail.facts import Fact
from securemail.policy.words import fold

_SOCIAL = frozenset({
    "facebookmail.com", "facebook.com", "linkedin.com", "twitter.com", "x.com", "instagram.com", "pinterest.com",
    "tiktok.com", "discord.com", "meetup.com", "xing.com", "reddit.com", "redditmail.com", "youtube.com", "strava.com",
    "quora.com", "snapchat.com", "nextdoor.com", "mastodon.social", "bsky.app", "viadeo.com", "copainsdavant.com",
    "researchgate.net", "academia-mail.com",
})  # fmt: skip
_SELLING = (
    "soldes", "promo*", "remise*", "reduction*", "offre* speciale*", "offre* exclusive*", "livraison offerte",
    "code promo", "j'en profite", "profitez", "prix barre", "derniers jours", "vente* privee*", "bon d'achat",
    "acheter maintenant", "panier", "jusqu'a epuisement", "a partir de", "en savoir plus et commander", "commandez",
    "decouvrez nos offres", "% de remise", "sale", "discount*", "% off", "special offer*", "free shipping",
    "shop now", "buy now", "coupon*", "deal*", "save up to", "limited time", "last chance", "order now",
    "best price*", "clearance", "voucher*", "black friday", "cyber monday",
)  # fmt: skip
_FEW = 10  # people a letter goes to


def mail_class(examined: Examined, context: Context, facts: Sequence[Fact]) -> MailClass | None:
    """The kind of mail; None for what is none of these, like notices of machines and posts to lists."""
    symbols = {fact.symbol for fact in facts}
    checked = context.authentication
    forged = checked is not None and checked.dmarc.result is Result.FAIL
    if examined.author[1] in context.vips and checked is not None and checked.dmarc.result is Result.PASS:
        return MailClass.VIP
    if organisation(examined.author_domain) in _SOCIAL and not forged:
        return MailClass.SOCIAL
    if "BULK" in symbols:
        selling = spoken(_SELLING, fold(f"{examined.subject} {examined.text}"))
        return MailClass.PUB if len(selling) > 1 else MailClass.NEWS
    if symbols.isdisjoint(("AUTOMATIC", "MAILING_LIST")) and _letter(examined):
        return MailClass.PERSO
    return None


def _letter(examined: Examined) -> bool:
    local = examined.author[1].partition("@")[0].replace("-", "").replace("_", "").replace(".", "")
    nobody = ("noreply", "donotreply", "nepasrepondre", "notification", "mailerdaemon", "postmaster", "newsletter")
    named = examined.addresses("to") + examined.addresses("cc")
    return bool(examined.author[1]) and not local.startswith(nobody) and 0 < len(named) <= _FEW
