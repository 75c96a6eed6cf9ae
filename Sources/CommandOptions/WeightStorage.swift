import ArgumentParser
import Carina

extension WeightStorage: OptionValue, @retroactive ExpressibleByArgument {}
