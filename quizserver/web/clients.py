"""Clients as limits count them: by the address that a request came from, or by the account."""

from __future__ import annotations

import ipaddress

from flask import request

IPV6_PREFIX = 56
"""Bits: providers give a customer a block of this size or a larger one, and whoever has a block can
send from each of its addresses."""


def client_network(address: str | None) -> str:
    """What counts as one client: an IPv4 address, or the block of an IPv6 address."""
    try:
        ip = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return str(ipaddress.ip_network((ip, IPV6_PREFIX), strict=False))
        ip = ip.ipv4_mapped
    return str(ip)


def client_of_request() -> str:
    """The client of the current request; a proxy in front is seen through if settings say so."""
    return client_network(request.remote_addr)
