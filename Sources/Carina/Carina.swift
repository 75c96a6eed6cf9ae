// One import for programs, notebooks and benchmarks: every module of the engine.
@_exported import CarinaCUDA
@_exported import CarinaData
@_exported import CarinaEngine
@_exported import CarinaMetrics
@_exported import CarinaModel
@_exported import CarinaPhantom
@_exported import CarinaReport
@_exported import CarinaRuntime
@_exported import CarinaTensor
@_exported import CarinaText
