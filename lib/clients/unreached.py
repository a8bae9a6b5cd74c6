"""Why no connection came about: each reason with its words and what to do. Standard library only, as the worker
has no more of ours."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

NOTHING_SENT = "Nothing was sent, so nothing is billed."
_TOO_EARLY, _LAPSED, _OTHER_NAME, _OTHER_ADDRESS = 9, 10, 62, 64
"""OpenSSL's numbers of what is wrong with a certificate (X509_V_ERR_* in x509_vfy.h)."""


@dataclass(frozen=True)
class Reason:
    """`code` is stable, `told` fits after a colon, `advice` is one or two sentences with `{address}` in place."""

    code: str
    told: str
    advice: str

    def hint(self, address: str = "the address") -> str:
        """What to do; `address` is the setting that holds the other side's."""
        return self.advice.format(address=address)


DNS = Reason("dns", "its name can't be found", "Check that this machine is online, and how {address} is spelt.")
SILENT = Reason("silent", "it does not pick up", "Check the network: a firewall or a VPN may hold the connection back.")
REFUSED = Reason(
    "refused",
    "the connection is refused",
    "Check the network and {address} with its port, and that the other side runs.",
)
PROXY = Reason(
    "proxy", "the proxy of this network can't be reached or refuses", "Check HTTPS_PROXY and what the proxy asks for."
)
NO_TLS = Reason(
    "tls",
    "no secure connection can be made",
    "Check that an https server answers there, and that no proxy breaks secure connections.",
)
UNTRUSTED = Reason(
    "tls_untrusted",
    "its certificate is not trusted here, as where a company's proxy looks into secure connections",
    "Name the file with the company's certificate in REQUESTS_CA_BUNDLE, for the worker in SSL_CERT_FILE too, and "
    "restart. docs/platforms.md says how.",
)
WRONG_TIME = Reason(
    "tls_time",
    "its certificate is not valid at the time that this machine's clock shows",
    "Let the system set its clock. If the clock is right, the other side's certificate has lapsed.",
)
WRONG_NAME = Reason(
    "tls_name",
    "its certificate is that of another name",
    "Check {address}, and whether this network asks for a login first.",
)
NO_CA_FILE = Reason(
    "ca_file",
    "the file of certificates that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names is not there",
    "Correct its path, or remove the setting, and restart.",
)
REASONS = {
    reason.code: reason
    for reason in (DNS, SILENT, REFUSED, PROXY, NO_TLS, UNTRUSTED, WRONG_TIME, WRONG_NAME, NO_CA_FILE)
}


def of_tls(error: Exception) -> Reason:
    """What a failed handshake means."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return NO_TLS
    if error.verify_code in (_TOO_EARLY, _LAPSED):
        return WRONG_TIME
    return WRONG_NAME if error.verify_code in (_OTHER_NAME, _OTHER_ADDRESS) else UNTRUSTED
