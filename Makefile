.PHONY: test
test: .venv/.stamp-dev
	PYTHONPATH=src:. .venv/bin/python -m pytest -q tests
.venv/.stamp-dev: requirements-dev.lock
	test -x .venv/bin/python || python3 -m venv .venv
	.venv/bin/python -m pip install -q --require-hashes -r requirements-dev.lock
	touch $@
