import Kernels

print("lorikeet")
print(hasAVX512())
