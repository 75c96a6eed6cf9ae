// swift-tools-version: 6.2
// Every target is in Swift 6 language mode, which this version of the tools begins with.
import PackageDescription

/// A module of the engine, which sees the modules it names and no others.
func module(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
  .target(name: name, dependencies: dependencies, resources: resources)
}

/// The umbrella and every module behind it. Whoever imports the umbrella names them all: a build compiles anew what depends on a
/// changed module by name, and the umbrella itself does not change.
let engine: [Target.Dependency] = [
  "Carina", "CarinaRuntime", "CarinaTensor", "CarinaText", "CarinaData", "CarinaPhantom", "CarinaMetrics",
  "CarinaModel", "CarinaEngine", "CarinaReport", "CarinaCUDA",
]

/// A program is one short folder: options, an engine call, a print.
func program(_ name: String) -> Target {
  .executableTarget(
    name: name,
    dependencies: engine + [
      "CommandOptions", .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ],
    packageAccess: false)
}

/// A notebook is one script in percent format.
func notebook(_ name: String) -> Target {
  .executableTarget(
    name: "notebook-\(name)",
    dependencies: engine + ["NotebookCells"], path: "notebooks", exclude: ["README.md"], sources: ["\(name).swift"],
    packageAccess: false)
}

let package = Package(
  name: "Carina",
  products: [.library(name: "Carina", targets: ["Carina"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.7.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"),
  ],
  targets: [
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5-serial", providers: [.apt(["libhdf5-dev"])]),
    .systemLibrary(name: "COpenJPEG", pkgConfig: "libopenjp2", providers: [.apt(["libopenjp2-7-dev"])]),
    .target(
      name: "CHDF5Survey", dependencies: ["CHDF5"], cSettings: [.unsafeFlags(["-O2"])],
      linkerSettings: [.linkedLibrary("z")]),
    .target(
      name: "CImageCodecs",
      cSettings: [.unsafeFlags(["-O2"])],
      linkerSettings: [.linkedLibrary("png"), .linkedLibrary("jpeg"), .linkedLibrary("z")]),
    .target(
      name: "CDICOM",
      dependencies: ["COpenJPEG"],
      cxxSettings: [.unsafeFlags(["-O2"])],
      linkerSettings: [
        "dcmjpeg", "ijg8", "ijg12", "ijg16", "dcmjpls", "dcmtkcharls", "dcmdata", "oflog", "ofstd", "z",
      ].map { .linkedLibrary($0) }),
    .target(
      name: "CRuntime",
      cSettings: [.unsafeFlags(["-O3"])],
      linkerSettings: [.linkedLibrary("gomp"), .linkedLibrary("z")]),
    .target(
      name: "CKernels",
      cSettings: [.unsafeFlags(["-O3", "-fno-math-errno", "-ffp-contract=fast"])],
      linkerSettings: [.linkedLibrary("m")]),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .target(name: "CHubTransfer", dependencies: ["CCurl"]),
    module("CarinaRuntime", ["CRuntime"]),
    module("CarinaTensor", ["CarinaRuntime", "CKernels", "COneDNN", "COpenBLAS"]),
    .target(name: "CCUDA", cSettings: [.unsafeFlags(["-O2"])], linkerSettings: [.linkedLibrary("dl")]),
    module(
      "CarinaCUDA", ["CarinaRuntime", "CarinaTensor", "CCUDA"],
      resources: [
        "prelude.cuh", "row_teams.cuh", "attention_blocks.cuh", "attention_tiles.cuh", "warpgroup_products.cuh",
        "elementwise.cu", "norms.cu", "fused_norms.cu", "rows.cu", "losses.cu", "optimizer.cu", "attention.cu",
        "attention_backward_queries.cu", "attention_backward_keys.cu", "attention_float.cu", "attention_decoding.cu",
        "attention_hopper.cu", "decoding.cu",
      ].map { .embedInCode("Kernels/\($0)") }),
    module("CarinaText", ["CarinaRuntime"]),
    module(
      "CarinaData", ["CarinaRuntime", "CDICOM", "CHDF5Survey", "CImageCodecs"],
      resources: [.embedInCode("Archives/label-templates.json")]),
    module("CarinaPhantom", ["CarinaRuntime", "CarinaData"]),
    module("CarinaMetrics", ["CarinaRuntime"]),
    module("CarinaModel", ["CarinaRuntime", "CarinaTensor"]),
    module(
      "CarinaEngine",
      ["CarinaRuntime", "CarinaTensor", "CarinaText", "CarinaData", "CarinaMetrics", "CarinaModel"]),
    module(
      "CarinaReport",
      [
        "CarinaRuntime", "CarinaTensor", "CarinaText", "CarinaData", "CarinaMetrics", "CarinaModel", "CarinaEngine",
      ]),
    module(
      "Carina",
      [
        "CarinaRuntime", "CarinaTensor", "CarinaText", "CarinaData", "CarinaPhantom", "CarinaMetrics", "CarinaModel",
        "CarinaEngine", "CarinaReport", "CarinaCUDA",
      ]),
    module("CarinaHub", ["CarinaRuntime", "CHubTransfer"]),
    .target(
      name: "CommandOptions",
      dependencies: engine + [
        "CarinaHub",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      packageAccess: false),
    .target(name: "NotebookCells"),
    program("preprocess"),
    program("train-stage0"),
    program("train-stage1"),
    program("train-stage2"),
    program("evaluate"),
    program("infer"),
    notebook("01-the-pipeline"),
    .executableTarget(
      name: "bench",
      dependencies: engine + [
        "CommandOptions", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Benchmarks",
      exclude: [
        "archive_scale.py", "attention_gpu_cases.py", "attention_hopper_on_gpu.py", "attention_on_gpu.py",
        "beside_pytorch.py", "beside_pytorch_multimodal.py", "beside_torch_on_gpu.py", "dicom_peer.py",
        "jpeg_decoders.py", "kernel_source.py", "llama_peer.py", "make_dicom_set.py", "make_image_sets.py",
        "memory_answers.sh", "memory_forecast.sh", "memory_growth.sh", "openvino_peer.py", "peft_peer.py",
        "profile_step.sh",
        "reading_beside.py", "scores_over_int8.sh", "shard_reading.py", "torch_gpu_answer_rows.py",
        "torch_gpu_models.py", "torch_gpu_rows.py", "torch_gpu_run.py", "torch_gpu_training_rows.py", "torch_on_gpu.py",
        "tower_beside_pytorch.py", "tower_peer.py",
      ]),
    .target(
      name: "TestSupport", dependencies: engine + ["CarinaHub"], path: "Tests/TestSupport"),
    .testTarget(
      name: "CarinaTests", dependencies: engine + ["TestSupport"],
      resources: [.copy("Goldens")]),
    .executableTarget(
      name: "notebook-fixture", dependencies: ["NotebookCells"], path: "Tests/NotebookFixture"),
    .testTarget(
      name: "NotebookCellsTests",
      dependencies: ["NotebookCells", "TestSupport", "notebook-fixture", "notebook-01-the-pipeline"],
      resources: [.copy("Goldens")]),
    .testTarget(name: "HubTests", dependencies: ["CarinaHub", "CarinaRuntime", "TestSupport"]),
    .testTarget(
      name: "ProgramTests", dependencies: engine + ["TestSupport"]),
  ],
  cxxLanguageStandard: .cxx17
)
