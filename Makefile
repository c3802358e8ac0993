# 一龙 Yilong. Everything a person does with this repository; `make` alone lists it.
# Needs Python 3.11 or newer, make and a package index. Nothing is installed outside .venv (but for `make test`'s
# browser, see tools/install_browser.sh).

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet --quiet
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate

# Labelled reports that teach the classifier its weights but are not as an office gets them.
TRAPS = $(wildcard tests/classify/corpus/traps_*.jsonl tests/classify/cases/*.jsonl)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run demo simulate test lives fuzz chaos bench pictures scale weights lint format diagrams schemas licences sbom audit lock clean

help: ## 列出这些命令 · this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '%-16s%s\n' "$$name" "$$text"; done

run: .venv/.runtime ## 首次部署并运行:接口、页面、推送 · set up and serve on YILONG_HOST:YILONG_PORT
	@$(BIN)/yilong set-up
	@exec $(BIN)/yilong serve

demo: .venv/.runtime ## 在一次性数据库上演示一座城市 · a simulated city on a throw-away database (ARGS="--seconds 60")
	@exec $(BIN)/yilong demo $(ARGS)

simulate: .venv/.runtime ## 快演一年,末尾对账验链 · a simulated year in minutes, with figures and proof (ARGS="--days 30")
	@exec $(BIN)/yilong simulate --days 365 --seed 7 $(ARGS)

test: .venv/.dev ## 全部测试:单元、两种数据库、浏览器 · all tests (ARGS="-k …" for some)
	@browser="$$(sh tools/install_browser.sh $(BIN)/python)" && \
		YILONG_TEST_BROWSER="$$browser" sh tools/run_tests.sh $(BIN)/python $(ARGS)

chaos: .venv/.dev ## 二十分钟故障演练:断电式杀进程、停库、断网 · processes killed, database stopped and cut off (ARGS="--minutes 2")
	@$(BIN)/python -m tests.chaos $(ARGS)

lives: .venv/.dev ## 随机办理,长时间检验台账(LIVES=300) · random lives on both databases, for long
	@YILONG_TEST_LIVES=$(or $(LIVES),300) $(BIN)/python -m pytest tests/journeys/test_random_lives.py $(ARGS)

fuzz: .venv/.dev ## 按接口说明向每个接口发送正常与恶意请求(MINUTES=30) · requests good and hostile to the whole interface
	@$(BIN)/python -m tests.fuzz --minutes $(or $(MINUTES),30) $(ARGS)

bench: .venv/.dev ## 基准测试,写入 bench.json · benchmarks, each against its yardstick
	@$(BIN)/python -m tests.bench $(ARGS)

scale: .venv/.dev ## 十万件台账上逐页计时,约二十分钟 · every page over 100,000 cases, both databases
	@$(BIN)/python -m tests.bench.pages $(ARGS)

pictures: .venv/.dev ## 由模拟城市重拍 README 的图 · take the README's pictures again (ARGS="--days 60")
	@browser="$$(sh tools/install_browser.sh $(BIN)/python)" && \
		YILONG_TEST_BROWSER="$$browser" $(BIN)/python -m tests.browser.pictures $(ARGS)

weights: .venv/.dev ## 由标注线索重拟判读权重 · fit the classifier's weights on the labelled reports
	@$(BIN)/python tools/fit_weights.py $(filter-out $(TRAPS),$(wildcard tests/classify/corpus/*.jsonl)) --traps $(TRAPS)

lint: .venv/.dev ## 静态检查:ruff、mypy、导入方向 · static checks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: .venv/.dev ## 整理代码格式 · format the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

diagrams: .venv/.dev ## 由状态表重写 docs/lifecycle.md · redraw the state diagrams from the tables
	@$(BIN)/python tools/draw_lifecycle.py

schemas: .venv/.dev ## 由代码重写推送和回调的结构 · write docs/schemas from the code; refuses what is not additive
	@PYTHONPATH=. $(BIN)/python tools/write_schemas.py

licences: .venv/.dev ## 由锁定的依赖重写 docs/licences.md · write docs/licences.md from what is pinned
	@$(BIN)/python tools/supply.py licences

sbom: .venv/.dev ## 软件物料清单,写入 dist/ · the list of all parts (CycloneDX)
	@$(BIN)/python tools/supply.py sbom

audit: .venv/.audit ## 锁定的版本有无已知漏洞(需要联网) · known vulnerabilities of what is pinned (needs a network)
	@.venv/audit/bin/python tools/audit.py .venv/audit/bin/pip-audit $(ARGS)

lock: ## 更新锁定的依赖(需要 uv) · pin the dependencies again (needs uv)
	$(LOCK) -o requirements.txt pyproject.toml
	$(LOCK) --extra oidc --extra s3 -c requirements.txt -o requirements-extras.txt pyproject.toml
	$(LOCK) --extra dev -c requirements-extras.txt -o requirements-dev.txt pyproject.toml
	$(LOCK) --group audit -o requirements-audit.txt

clean: ## 删除虚拟环境与缓存,不动数据 · remove .venv and caches, never the data
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist

# ── what is installed: a stamp for each set, so that the next run starts at once ──

$(BIN)/python:
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo '没有找到 Python 3.11 或更新的版本。请先安装,或用 make PYTHON=/路径/python3 指定。' >&2; \
		echo 'Python 3.11 or newer was not found. Install it, or name it: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo '$(PYTHON) 缺少 venv 模块。Debian/Ubuntu 请先:apt-get install python3-venv' >&2; \
		echo '$(PYTHON) lacks the venv module. On Debian or Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	@echo '建立 .venv 并安装锁定的依赖,约一分钟…… Installing the pinned dependencies into .venv, about a minute…'
	@$(PYTHON) -m venv .venv

# The package itself is installed in place: the migrations are found beside it.
.venv/.project: pyproject.toml | $(BIN)/python
	@$(PIP) install --no-deps -e .
	@touch $@

.venv/.pinned: requirements.txt | $(BIN)/python
	@$(PIP) install --require-hashes -r requirements.txt
	@touch $@

.venv/.pinned-dev: requirements-dev.txt .venv/.pinned
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

.venv/.runtime: .venv/.pinned .venv/.project
	@touch $@

.venv/.dev: .venv/.pinned-dev .venv/.project
	@touch $@

# An environment of its own: what judges the pins is none of them.
.venv/.audit: requirements-audit.txt | $(BIN)/python
	@$(BIN)/python -m venv --clear .venv/audit
	@.venv/audit/bin/python -m pip --disable-pip-version-check --no-input --quiet --quiet \
		install --require-hashes -r requirements-audit.txt
	@touch $@
