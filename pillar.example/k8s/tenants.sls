# The tenants: what a laboratory or a service gets. All keys and defaults: docs/pillar.md and docs/services/tenants.md.
# Groups are those of the identity provider (k8s:authentication).
k8s:
  tenants:
    # -- services of observation
    resif:
      admins: [grp-resif-dev]
      editors: [grp-resif-ops]
      viewers: [grp-resif]
      quota: {cpu: 16, memory_gib: 64, storage_gib: 500, pods: 100}
      hosts: ["*.resif.osug.example"]
      opens: {from: [ist-web], to: {networks: [10.30.0.5/32]}}
      backup: {keep: 90d}
      kubeconfig: {}                    # for pipelines; users log in and have the rights of their groups
    glacioclim:
      admins: [grp-glacioclim]
      hosts: ["*.glacioclim.osug.example"]
    ozcar:
      admins: [grp-ozcar]
      hosts: ["*.ozcar.osug.example"]
    amma-catch:
      admins: [grp-amma]
      hosts: ["*.amma-catch.osug.example"]
      opens: {internet: true}
    ohmcv:
      admins: [grp-ohmcv]
      hosts: [ohmcv.osug.example, "*.ohmcv.osug.example"]
    snow:
      admins: [grp-snow]
      hosts: ["*.snow.osug.example"]
    volcano:
      admins: [grp-volcano]
      hosts: ["*.volcano.osug.example"]
    gnss:
      admins: [grp-gnss]
      hosts: ["*.gnss.osug.example"]
      quota: {cpu: 32, memory_gib: 128, storage_gib: 2000}
    sismo-alerts:
      admins: [grp-sismo]
      hosts: [alerts.osug.example]
      pod_security: restricted
    critex:
      admins: [grp-critex]
      hosts: ["*.critex.osug.example"]
    karst:
      admins: [grp-karst]
      hosts: ["*.karst.osug.example"]
    air-alps:
      admins: [grp-air]
      hosts: ["*.air.osug.example"]
    ndacc:
      admins: [grp-ndacc]
      viewers: [grp-atmosphere]
    aerosols:
      admins: [grp-aerosols]
      viewers: [grp-atmosphere]
    planeto-spectra:
      admins: [grp-planeto]
      hosts: ["*.spectra.osug.example"]
    exoplanets:
      admins: [grp-exo]
      hosts: ["*.exoplanets.osug.example"]
      quota: {storage_classes: {san: 100}}
      storage_classes: [san]
    interferometry:
      admins: [grp-jmmc]
      hosts: ["*.jmmc.osug.example"]
      opens: {internet: true}
    lte:
      admins: [grp-lte]
      hosts: ["*.lte.osug.example"]
    # -- laboratories
    ist:
      namespaces: [isterre, isterre-test]
      admins: [grp-ist]
      hosts: ["*.ist.osug.example"]
    ist-web:
      admins: [grp-ist-web]
      hosts: [www.osug.example]
    ige:
      admins: [grp-ige]
      users: {admins: [durand]}
      hosts: ["*.ige.osug.example"]
    ipag:
      admins: [grp-ipag]
      hosts: ["*.ipag.osug.example"]
    leca:
      admins: [grp-leca]
    legi:
      admins: [grp-legi]
      hosts: ["*.legi.osug.example"]
    lautaret:
      admins: [grp-lautaret]
      hosts: ["*.lautaret.osug.example"]
    # -- what the institute itself runs
    catalogue:
      admins: [grp-data]
      hosts: [data.osug.example, "*.data.osug.example"]
      opens: {to: {tenants: [resif, gnss, glacioclim]}}
    gitlab-runners:
      admins: [grp-forge]
      quota: {cpu: 24, memory_gib: 96, ephemeral_gib: 500, pods: 200}
      pod_security: restricted          # rootless builds; privileged ones would make its people the cluster's administrators
      opens: {internet: true}
    notebooks:
      admins: [grp-notebooks]
      hosts: [notebooks.osug.example]
      quota: {cpu: 48, memory_gib: 192, storage_gib: 1000, ephemeral_gib: 600, pods: 300}
      opens: {internet: true}
