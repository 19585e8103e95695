# Every minion gets the one formula; what it does there follows from the pillar, by minion id.
base:
  '*':
    - k8s
