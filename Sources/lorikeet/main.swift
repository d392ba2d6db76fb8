import Kernels
print("lorikeet")
