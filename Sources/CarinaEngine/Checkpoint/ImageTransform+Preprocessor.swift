import CarinaData
import CarinaRuntime

extension ImageTransform {
  /// What goes into `preprocessor_config.json`, for transformers' SiglipImageProcessor and for this engine.
  package var preprocessorConfiguration: JSONValue {
    [
      "do_convert_rgb": true, "do_normalize": true, "do_rescale": true, "do_resize": true,
      "image_mean": .array(mean.map { .number($0) }), "image_processor_type": "SiglipImageProcessor",
      "image_std": .array(standardDeviation.map { .number($0) }), "resample": .integer(filter.pillowNumber),
      "rescale_factor": .number(rescale),
      "size": ["height": .integer(size), "width": .integer(size)],
    ]
  }
}
