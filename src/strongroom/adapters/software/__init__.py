"""The software provider: material is made and used in this process's memory, with OpenSSL."""

from strongroom.adapters.software.pool import RSAPool
from strongroom.adapters.software.provider import SoftwareProvider

__all__ = ["RSAPool", "SoftwareProvider"]
