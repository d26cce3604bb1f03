"""PSKC files (RFC 6030): secrets of tokens, as makers and other servers hand them over."""
