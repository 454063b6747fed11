# Loads files with PyTorch as their users would and says what is in them: load-torch.py FILE ... prints JSON, one entry a file.
import json
import sys

import torch

shown = []
for path in sys.argv[1:]:
    state = torch.load(path, weights_only=True)
    shown.append({
        'type': type(state).__name__,
        'tensors': [
            {'name': name, 'dtype': str(t.dtype), 'shape': list(t.shape), 'contiguous': t.is_contiguous(),
             'values': t.double().reshape(-1).tolist()}
            for name, t in state.items()],
    })
print(json.dumps(shown))
