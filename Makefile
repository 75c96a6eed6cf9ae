# The two commands: `make reproduce` and `make test`. `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
# libgomp reads this before main; the programs set it for themselves, the test runner cannot.
export GOMP_SPINCOUNT ?= 1000

SWIFT_BUILD := swift build -c release --explicit-target-dependency-import-check error
BIN := .build/release
BUILT := .build/carina-programs-built
SOURCES := Package.swift $(shell find Sources -type f)

# What it is about: the data, and the checkpoints that are there already. Without VISION and LLM two small backbones are trained.
# DATA is the phantom, or a directory with {stage1,stage2}_{train,test}.json and images, or a published archive under the name
# that preprocess has for its layout (data/README.md).
DATA ?= data/phantom
VISION ?=
LLM ?=
SEED ?= 1
# The form of the projector: mlp where nothing is said; mlp2x or gemma3 in a directory of results of its own, over the same small backbones.
PROJECTOR ?=
# Where to compute, as --device has it: auto, cpu, cuda, cuda:N. A GPU that is named has a directory of results of its own.
DEVICE ?=
DEVICE_FLAG := $(addprefix --device ,$(DEVICE))
CARD := $(subst :,-,$(filter cuda%,$(DEVICE)))
NAME := $(notdir $(abspath $(DATA)))
IMAGE_SIZE ?= $(if $(VISION),384,64)
PHANTOM := $(filter $(abspath data)/phantom%,$(abspath $(DATA)))
ifneq ($(PHANTOM),)
  RESULTS := results/$(patsubst phantom,reproduce,$(NAME))
  SHARDS := $(DATA)/shards
  STAMP := $(DATA)/made-with.txt
  CHECK := --expected results/expected.json
else
  RESULTS := results/$(NAME)
  SHARDS := results/$(NAME)/shards
  STAMP := $(SHARDS)/made-with.txt
  CHECK :=
endif
RUN ?= $(RESULTS)$(addprefix -,$(PROJECTOR))$(addprefix -,$(CARD))
CURVES ?= $(RUN)/curves
BACKBONES ?= $(if $(PROJECTOR),$(RESULTS)$(addprefix -,$(CARD)),$(RUN))/stage0
# Shards with captions for stage 1 where the archive has none of its own.
CAPTIONS ?= $(SHARDS)/stage1-train
VISION_MODEL := $(or $(VISION),$(BACKBONES)/vision/final_model)
LANGUAGE_MODEL := $(or $(LLM),$(BACKBONES)/language/final_model)
SMALL := $(if $(VISION)$(LLM),,small)

PHANTOM_FLAGS ?= --count 4500
PREPROCESS_FLAGS ?=
STAGE0_FLAGS ?= --vision-epochs 24 --language-epochs 2
# Of 8 × 8 patches Gemma 3's form makes 16 rows.
PROJECTOR_FLAGS ?= $(if $(PROJECTOR),--projector $(PROJECTOR) $(if $(SMALL),$(if $(filter gemma3,$(PROJECTOR)),--image-tokens 16)),$(if $(SMALL),--projector-hidden 384))
STAGE1_FLAGS ?= $(strip $(PROJECTOR_FLAGS) $(if $(SMALL),--batch-size 32 --gradient-accumulation-steps 1 --learning-rate 2e-3 --warmup-ratio 0.05 --num-epochs 2 --precision fp32))
STAGE2_FLAGS ?= $(if $(SMALL),--unfreeze-projection-layer --train-ve-first-epoch --batch-size 32 --gradient-accumulation-steps 1 --learning-rate 1e-3 --num-epochs 3 --precision fp32)
EVALUATE_FLAGS ?= $(if $(SMALL),--precision fp32 --batch-size 64)

STAGES0 := $(if $(VISION),,$(VISION_MODEL)/config.json) $(if $(LLM),,$(LANGUAGE_MODEL)/config.json)
STAGE1 := $(RUN)/stage1/final_model/carina.json
STAGE2 := $(RUN)/stage2/final_model/carina.json
VERDICT := $(RUN)/verdict.txt

# Equal seeds give equal mutants; the world that they are made of is made by the programs first.
FUZZ := python3 Tests/Reference/fuzz_files.py --bin $(BIN) --seconds 55 --seed 1 --brief --keep .build/fuzz-failures

.PHONY: help setup build test test-gpu fuzz lint reproduce data preprocess train-stage0 train-stage1 train-stage2 evaluate infer report curves bench notebooks docs clean

help: ## list what make can do
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'
	@echo
	@echo "  make reproduce DATA=data/NAME VISION=checkpoint LLM=checkpoint runs the pipeline on your own data;"
	@echo "  data/README.md says how it lies there, docs/reproduce.md what is run."
	@echo "  make reproduce DEVICE=cuda computes on a GPU (docs/gpu.md), beside the default"
	@echo "  make reproduce PROJECTOR=gemma3 (or mlp2x) trains another form of projector, beside the default"

reproduce: setup $(VERDICT) ## install, build, draw radiographs, train all stages, score, compare
	@cat $(VERDICT)

test: setup lint ## install, check format and names, build, read mutated files for a minute, run every test
	@$(SWIFT_BUILD) --build-tests
	@$(FUZZ)
	@swift test -c release --skip-build 2>&1 | tee .build/test.log || { \
	  echo; echo "What failed (the whole output is in .build/test.log):"; \
	  grep -aE '^(✘|↳)|error:' .build/test.log | head -n 60 || tail -n 60 .build/test.log; exit 1; }

# The suites that compute on the processor as well compute on the first card then, and compare it with the same goldens.
GPU_SUITES ?= LinearTests|NormTests|GELUTests|RotaryTests|RowOperationTests|CrossEntropyTests|ContrastiveLossTests|GridPoolingTests|AdamWTests|.*ParityTests
test-gpu: ## run the suites of operations and models on the GPU, where there is one
	@if [ ! -e /dev/nvidiactl ] && ! PATH="$$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null | grep -q 'libcuda\.so\.1'; then \
	  echo 'make test-gpu: skipped, there is no NVIDIA driver (libcuda.so.1 was not found)'; \
	else \
	  $(MAKE) setup; $(SWIFT_BUILD) --build-tests; \
	  swift test -c release --skip-build --filter 'CarinaTests\.CUDA'; \
	  CARINA_TEST_DEVICE=cuda swift test -c release --skip-build --filter 'CarinaTests\.($(GPU_SUITES))'; \
	fi

fuzz: setup $(BUILT) ## mutate every kind of file that the programs read, for a minute
	@$(FUZZ)

setup: ## install the missing Debian or Ubuntu packages, saying which
	@bash setup.sh

build: setup $(BUILT) ## build the programs in release

$(BUILT): $(SOURCES)
	@$(SWIFT_BUILD)
	@touch $@

lint: ## formatting, names of files and folders, lengths
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks notebooks
	@bash lint-walls.sh
	@! grep -rn '@testable' Tests || { echo 'lint: tests run in release, where @testable does not work; use package access' >&2; exit 1; }

data: setup $(addprefix $(SHARDS)/,$(addsuffix /manifest.json,stage1-train stage2-train stage2-test)) ## draw the phantom's radiographs, or read DATA, into shards
preprocess: data ## the same: drawing and shards are one step for the phantom

# Names the flags that the shards were made with, and is written anew where they are others, so that the shards are made anew too.
ifneq ($(PHANTOM),)
  MADE_WITH := $(strip $(PHANTOM_FLAGS) --seed $(SEED) --image-size $(IMAGE_SIZE) --reports)
else
  MADE_WITH := $(strip --image-size $(IMAGE_SIZE) $(PREPROCESS_FLAGS))
endif
ifneq ($(strip $(file <$(STAMP))),$(MADE_WITH))
.PHONY: $(STAMP)
endif
$(STAMP):
	@mkdir -p $(@D)
	@echo '$(MADE_WITH)' > $@

# How the published archives are read that are named like their layout; the splits where they are not called train and test.
READ_vqa-rad = --json "$(DATA)/VQA_RAD Dataset Public.json" --image-root $(DATA)/images --chest-only
READ_llava = --json $(DATA)/conversations.json --image-root $(DATA)/images --split-by image
READ_slake = --json $(DATA) --image-root $(DATA)/imgs --chest-only
READ_open-i = --json $(DATA)/ecgen-radiology --image-root $(DATA) --split-by study
READ_mimic-cxr-jpg = --json $(DATA) --image-root $(DATA)
READ_chexpert = --json $(DATA) --image-root $(DATA)
READ_nih-cxr14 = --json $(DATA) --image-root $(DATA)
READ_vindr-cxr = --json $(DATA)/annotations --image-root $(DATA) --window voi
READ_padchest = --json $(DATA) --image-root $(DATA) --split-by patient --window minmax
TEST_chexpert := valid
TRAIN_nih-cxr14 := train_val

ifneq ($(PHANTOM),)
$(SHARDS)/stage1-train/manifest.json $(SHARDS)/stage2-train/manifest.json $(SHARDS)/stage2-test/manifest.json &: $(STAMP) | $(BUILT)
	$(BIN)/preprocess phantom $(MADE_WITH) --output $(DATA)
else ifneq ($(and $(READ_$(NAME)),$(if $(wildcard $(DATA)/stage2_train.json),,published)),)
$(SHARDS)/%/manifest.json: $(STAMP) | $(BUILT)
	$(BIN)/preprocess --format $(NAME) $(READ_$(NAME)) --samples $(if $(filter stage1%,$*),captions,questions) \
	  --split $(if $(filter %-train,$*),$(or $(TRAIN_$(NAME)),train),$(or $(TEST_$(NAME)),test)) $(MADE_WITH) --output $(SHARDS)/$*
else
.SECONDEXPANSION:
$(SHARDS)/stage%/manifest.json: $(DATA)/stage$$(subst -,_,$$*).json $(STAMP) | $(BUILT)
	$(BIN)/preprocess --json $(DATA)/stage$(subst -,_,$*).json --image-root $(DATA) \
	  $(if $(wildcard $(DATA)/images),--image-root-2 $(DATA)/images) $(MADE_WITH) --output $(SHARDS)/stage$*
endif

train-stage0: setup $(STAGES0) ## make the two small backbones, where VISION and LLM are not given
$(BACKBONES)/vision/final_model/config.json $(BACKBONES)/language/final_model/config.json &: $(CAPTIONS)/manifest.json $(SHARDS)/stage2-train/manifest.json | $(BUILT)
	$(BIN)/train-stage0 --train-shards $(CAPTIONS) --text-shards $(SHARDS)/stage2-train \
	  --output-dir $(BACKBONES) --seed $(SEED) $(STAGE0_FLAGS) $(DEVICE_FLAG)

train-stage1: setup $(STAGE1) ## train the projector
$(STAGE1): $(STAGES0) $(CAPTIONS)/manifest.json | $(BUILT)
	$(BIN)/train-stage1 --train-shards $(CAPTIONS) --vision-model $(VISION_MODEL) --llm $(LANGUAGE_MODEL) \
	  --output-dir $(RUN)/stage1 --seed $(SEED) $(STAGE1_FLAGS) $(DEVICE_FLAG)

train-stage2: setup $(STAGE2) ## tune the language model on questions
$(STAGE2): $(STAGE1) $(SHARDS)/stage2-train/manifest.json | $(BUILT)
	$(BIN)/train-stage2 --train-shards $(SHARDS)/stage2-train --vision-model $(VISION_MODEL) --llm $(LANGUAGE_MODEL) \
	  --stage1-projector-path $(RUN)/stage1/final_model/projection_layer --output-dir $(RUN)/stage2 --seed $(SEED) $(STAGE2_FLAGS) $(DEVICE_FLAG)

evaluate: setup $(VERDICT) ## score on held-out images, true, shuffled and blank
report: evaluate ## the same: the report is written with the scores
$(VERDICT): $(STAGE2) $(SHARDS)/stage2-test/manifest.json $(if $(CHECK),results/expected.json) | $(BUILT)
	$(BIN)/evaluate --checkpoint $(RUN)/stage2/final_model --shards $(SHARDS)/stage2-test --output-dir $(RUN) \
	  --arms true,shuffled,blank $(EVALUATE_FLAGS) $(DEVICE_FLAG) $(CHECK) --train-logs \
	  $(if $(VISION),,stage0-vision=$(BACKBONES)/vision/train_log.jsonl) \
	  $(if $(LLM),,stage0-language=$(BACKBONES)/language/train_log.jsonl) \
	  stage1=$(RUN)/stage1/train_log.jsonl stage2=$(RUN)/stage2/train_log.jsonl
	@# What the run was made of, beside it.
	@$(if $(PHANTOM),[ -e $(RUN)/data ] || ln -s "$$(realpath --relative-to=$(RUN) $(DATA))" $(RUN)/data)
	@echo "The pipeline is done$(if $(CHECK), and its scores are the expected ones). Report: $(RUN)/report.html" > $@

# The runs that have begun, or those in RUNS="directory ...".
RUNS ?= $(patsubst %/train_log.jsonl,%,$(wildcard $(foreach run,$(BACKBONES)/vision $(BACKBONES)/language $(RUN)/stage1 $(RUN)/stage2,$(run)/train_log.jsonl)))
curves: setup $(BUILT) ## draw the curves of the runs so far, or of RUNS="directory ...", into CURVES
	@[ -n "$(strip $(RUNS))" ] || { echo 'make curves: no run has begun; name one: make curves RUNS=directory' >&2; exit 1; }
	@$(BIN)/evaluate --curves $(RUNS) --output-dir $(CURVES)

infer: setup $(STAGE2) ## ask: make infer IMAGE=file QUESTION="Is the heart enlarged?"
	@$(BIN)/infer --checkpoint $(RUN)/stage2/final_model --image-path "$(IMAGE)" --question "$(QUESTION)" $(DEVICE_FLAG)

notebooks: setup ## run the scripts in notebooks/ and write them, executed, to results/notebooks/
	@for script in notebooks/*.swift; do \
	  program=notebook-$$(basename $$script .swift); \
	  $(SWIFT_BUILD) --product $$program; \
	  $(BIN)/$$program; \
	done

bench: setup ## time operations, and steps of the models in MODELS=directory, against the machine's ceilings
	@$(SWIFT_BUILD) --product bench
	@$(BIN)/bench operations --repeats 5 --output results/bench/operations$(addprefix -,$(CARD)).txt \
	  --picture results/bench/operations$(addprefix -,$(CARD)).svg $(DEVICE_FLAG)
	@if [ -n "$(MODELS)" ]; then \
	  $(BIN)/bench steps --models "$(MODELS)" --output results/bench/steps$(addprefix -,$(CARD)).txt \
	  --picture results/bench/steps$(addprefix -,$(CARD)).svg $(DEVICE_FLAG); fi

# A comment here names a parameter only where its name leaves something to say, so docc is not to ask for all of them.
docs: setup ## build the documentation of the library and its modules into .build/docs
	@mkdir -p .build
	@swift package --allow-writing-to-directory .build/docs generate-documentation \
	  $(patsubst Sources/%,--target %,$(wildcard Sources/Carina*)) --enable-experimental-combined-documentation \
	  --output-path .build/docs --transform-for-static-hosting --warnings-as-errors \
	  --disable-parameters-and-returns-validation > .build/docs.log 2>&1 || { grep -aE 'warning:|error:' .build/docs.log; exit 1; }
	@echo "The documentation is in .build/docs. To read it: python3 -m http.server -d .build/docs, then"
	@echo "http://localhost:8000/documentation/"

clean: ## remove what was built and what the pipeline made of DATA, the phantom's images too
	rm -rf .build $(RUN) $(SHARDS) $(if $(PHANTOM),$(STAMP) $(DATA)/images $(DATA)/stage[12]_*.json)
	@$(if $(PHANTOM),if [ -d $(DATA) ]; then rmdir --ignore-fail-on-non-empty $(DATA); fi)
