import Carina
import TestSupport
import Testing

@Suite("Training programs, help") struct TrainHelpTests {
  @Test("the help of train-stage1 is this text")
  func wholeText() throws {
    let help = try ProgramRun("train-stage1", ["--help"])
    #expect(help.exitCode == 0 && help.output == trainStage1Help + "\n\n")
  }

  @Test(
    "help has an example and every option of its program, version is a version",
    arguments: [
      ("train-stage0", ["--train-shards", "--text-shards", "--vocabulary-size"]),
      ("train-stage1", ["--init-projector", "--projector", "--projector-hidden", "--pool", "--image-tokens"]),
      ("train-stage2", ["--stage1-projector-path", "--train-ve-first-epoch", "--no-unfreeze-llm"]),
    ])
  func examples(program: String, options: [String]) throws {
    let help = try ProgramRun(program, ["--help"])
    #expect(help.exitCode == 0 && help.output.contains("Example: \(program) --train-shards"))
    for option in options + ["--output-dir", "--seed", "--resume", "--save-every-n-steps", "--threads"] {
      #expect(help.output.contains(option), "\(option)")
    }
    let version = try ProgramRun(program, ["--version"])
    #expect(version.exitCode == 0 && version.output == CarinaVersion.current + "\n")
    #expect(try ProgramRun(program, []).exitCode == 64)
  }
}

private let trainStage1Help = """
  OVERVIEW: Train the projector on captions, with the vision encoder and the
  language model frozen.

  Example: train-stage1 --train-shards shards/stage1-train --vision-model
  google/siglip-large-patch16-384 --llm google/gemma-3-1b-pt --output-dir
  runs/stage1

  USAGE: train-stage1 [<options>] --train-shards <dir> --vision-model <vision-model> --llm <llm> --output-dir <dir>

  OPTIONS:
    --train-shards <dir>    Shard directory to train on.
    --val-shards <dir>      Held-out shard directory; the best model is kept.
    --eval-every <N|epoch>  Validate every N optimizer steps, or each epoch: loss
                            with the true, a shuffled and a blank image, answers,
                            closed accuracy (default: the loss alone, each epoch).
    --eval-samples <eval-samples>
                            Held-out samples whose answers are written to
                            validation.jsonl. (default: 4)
    --eval-limit <eval-limit>
                            Validate on so many held-out samples, spread evenly
                            over all (default: all).
    --eval-max-new-tokens <eval-max-new-tokens>
                            Most tokens of an answer in validation. (default: 64)
    --best-metric <best-metric>
                            What chooses the best model. loss is that of training
                            since the validation before. (values: val-loss, loss,
                            closed-accuracy, image-gap; default: val-loss)
    --early-stopping <early-stopping>
                            Stop after so many validations in a row in which the
                            best metric did not improve.
    --early-stopping-delta <early-stopping-delta>
                            An improvement by no more than this does not count.
                            (default: 0.0)
    --vision-model <vision-model>
                            SigLIP checkpoint: a directory, or an id in the
                            Hugging Face cache.
    --llm, --llm-name, --llm-path <llm>
                            Gemma 3 checkpoint: a directory, or an id in the
                            Hugging Face cache.
    --download              Fetch a model that is named by an id and is not in
                            the Hugging Face cache.
    --output-dir <dir>      Directory of the run.
    --standalone            Copy the parts that stay frozen into the final model
                            instead of referring to them.
    --dry-run               Say what the run would do, and stop before its first
                            step; its directory is not made.
    --presets <name>        Published values of the options that are not given:
                            llava-1.5 (Liu et al. 2023,
                            github.com/haotian-liu/LLaVA, scripts/v1_5),
                            llava-rad (Zambrano Chaves et al. 2024,
                            github.com/microsoft/LLaVA-Rad, scripts),
                            projection-trainer
                            (github.com/SabaPivot/ProjectionTrainer, Stage0 to
                            Stage2), medgemma-lora
                            (github.com/google-health/medgemma,
                            notebooks/fine_tune_with_hugging_face.ipynb; stage 2.
                            It names no weight decay, which is the 0 of
                            transformers' TrainingArguments; head and embeddings,
                            which it trains whole beside the adapters, stay
                            frozen).
    --config <run.json>     Repeat a run with the options of its record; options
                            that are given count instead. Other data or weights
                            than it had are refused.
    --config-anyway         Repeat a run although its data or weights are others
                            than were recorded.
    --live-page             Show the run in live.html of the output directory,
                            which a browser reads again while the run goes.
    --dump-tokens <n>       Print the first samples as the model reads them:
                            positions, ids, pieces, * where one is predicted.
    --weight-decay <weight-decay>
                            Decay of weights other than norms and biases.
                            (default: 0.01)
    --warmup-ratio <warmup-ratio>
                            Part of the optimizer steps that is warm-up (default:
                            0 in stage 1, 0.05 in stage 2).
    --warmup-steps <warmup-steps>
                            Optimizer steps that are warm-up, instead of a part
                            of the run.
    --lr-schedule <lr-schedule>
                            The rate after the warm-up: cosine or linear to zero,
                            or constant. (values: cosine, linear, constant;
                            default: cosine)
    --max-skipped-steps <max-skipped-steps>
                            Steps in a row that may be skipped because a loss or
                            gradient is not finite, before the run stops.
                            (default: 5)
    --max-steps <max-steps> Stop after so many optimizer steps.
    --max-grad-norm <max-grad-norm>
                            Largest global norm of the gradients; 0 for no limit.
                            (default: 1.0)
    --projector-lr <projector-lr>
                            Peak learning rate of a projector that is trained
                            whole (default: the run's); 0 freezes it.
    --vision-lr <vision-lr> Peak learning rate of a vision encoder that is
                            trained (default: the run's); 0 freezes it.
    --gradient-noise        Write the gradient's noise scale (McCandlish et al.
                            2018) into the log, of all weights and of each
                            component; needs two micro-batches a step.
    --label-smoothing <label-smoothing>
                            Part of each target that is spread evenly over all
                            tokens. (default: 0.0)
    --precision <precision> auto (bf16 where the device multiplies it at full
                            speed), bf16 or fp32. (default: auto)
    --device <device>       Where to compute: cpu, cuda or cuda:N (an NVIDIA
                            GPU), or auto, a GPU where one can be used. (default:
                            auto)
    --matmul <matmul>       Library for matrix products: openblas, onednn or amx
                            (default: amx where the processor has it, onednn
                            where it has not).
    --base-weights <base-weights>
                            The frozen language model's matrices: full, or int8,
                            rows of bytes in half the memory and time. (values:
                            full, int8; default: full)
    --vision-weights <vision-weights>
                            The frozen vision encoder's matrices likewise: full
                            or int8. (values: full, int8; default: full)
    --seed <seed>           Seed of the order of samples and of fresh weights.
                            (default: 0)
    --no-shuffle            Take the samples in the order of the shards.
    --drop-last             Leave out an epoch's last micro-batch where it is not
                            full.
    --length-bucketing      Take samples of like lengths together: shuffled, then
                            sorted by length within at most 50 steps at a time.
    --resume <resume>       auto goes on from the newest checkpoint, never starts
                            afresh, or a checkpoint directory. (default: auto)
    --resume-anyway         Go on although options were changed that decide the
                            numbers; run.json records the change and its step.
    --save-every-n-steps <save-every-n-steps>
                            Write a checkpoint every so many optimizer steps.
    --save-every-n-epochs <save-every-n-epochs>
                            Write a checkpoint every so many epochs.
    --optimizer <optimizer> adamw, or adamw8bit, which keeps its moments in 8
                            bits (2 bytes a weight instead of 8). (values: adamw,
                            adamw8bit; default: adamw)
    --save-every <save-every>
                            Write a checkpoint when so much time has passed since
                            the last (30s, 10min, 2h), every N steps, or never.
                            (default: 10min)
    --tensorboard           Write the log for TensorBoard too, into tensorboard/
                            of the output directory.
    --wandb-project <name>  Write the log as an offline run of this project too,
                            into wandb/, for wandb sync; nothing is sent.
    --log-every <N>         Without a terminal, a progress line every N optimizer
                            steps (default: every ten seconds).
    --prompt-style <prompt-style>
                            gemma, plain, seed or gemma3 (default: plain in stage
                            1, gemma in stage 2). (values: gemma, plain, seed,
                            gemma3)
    --system <text>         A system text before the question, in the style
                            gemma3 (default: none).
    --max-q-len <max-q-len> Most ids of a question. (default: 128)
    --max-a-len <max-a-len> Most ids of an answer. (default: 512)
    --supervise <supervise> What the loss is taken on: the answer, or all of
                            prompt and answer but images, as published MedGemma
                            runs do. (values: answer, all; default: answer)
    --vision-feature <vision-feature>
                            post-norm or pre-norm features of the vision encoder.
                            (values: post-norm, pre-norm; default: post-norm)
    --drop-first-patch      Leave out the first patch, as checkpoints of the
                            Python project expect.
    --augment <changes>     Change training images, e.g.
                            shift:0.05,scale:0.1,contrast:0.2,elastic:0.02. Never
                            flipped, never in validation. (default: none)
    --gradient-checkpointing/--no-gradient-checkpointing
                            Run blocks again in the backward pass instead of
                            keeping their activations (default: where they do not
                            fit).
    --memory-limit <GiB>    Most memory to plan for (default: what is available).
    --cache-vision-features [<file>]
                            Compute the features of a frozen vision encoder once
                            and keep them in this file, for later epochs, stages
                            and evaluations. (default as flag: vision-features.h5
                            beside the shard directory)
    --init-projector <init-projector>
                            Start from this projector directory.
    --projector <projector> Form of a fresh projector: mlp, mlp2x (hidden width
                            of the decoder, LLaVA-1.5) or gemma3 (averages, norm,
                            matrix) (default: mlp). One that is given is refused
                            where it has another. (values: mlp, mlp2x, gemma3)
    --projector-hidden <projector-hidden>
                            Hidden width in the form mlp (default: ten times the
                            vision width).
    --pool <N>              Average blocks of N × N patches before an MLP, for
                            fewer rows an image (default: 1).
    --image-tokens <N>      Rows of an image in the form gemma3 (default: 256,
                            where the grid of patches has so many).
    --batch-size <batch-size>
                            Samples of a micro-batch. (default: 4)
    --gradient-accumulation-steps <gradient-accumulation-steps>
                            Micro-batches of an optimizer step. (default: 2)
    --learning-rate <learning-rate>
                            Peak learning rate. (default: 0.0001)
    --num-epochs <num-epochs>
                            Passes over the data. (default: 10)
    --threads <n>           Threads to use (default: all cores).
    --log-level <log-level> How much to say on stderr: trace, debug, info,
                            notice, warning, error, critical. (values: trace,
                            debug, info, notice, warning, error, critical;
                            default: info)
    --version               Show the version.
    -h, --help              Show help information.
  """
