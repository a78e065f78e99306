"""`StorageContract`: what every object store does, as a suite that its tests inherit. It needs pytest.

from longshore_storage.contract import StorageContract

class TestAcme(StorageContract):
    @pytest.fixture
    def connection(self, acme):
        return AcmeConnection(endpoint=acme.url)

    @pytest.fixture
    def root(self, acme):
        return Location("acme", acme.new_bucket(), "contract/")
"""

from __future__ import annotations

from longshore_storage.contract.suites import StorageContract

__all__ = ["StorageContract"]
